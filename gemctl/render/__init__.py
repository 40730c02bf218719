"""Turns values into text. Nothing here reads, writes or asks. Called by cli."""
