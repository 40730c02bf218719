"""Emulates the Live API: sessions over a WebSocket (ai.google.dev guide, "Live API").

`channel` is the seam to what carries the frames; everything else here is about what a session says and when.
"""
