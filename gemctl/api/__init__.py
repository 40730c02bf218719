"""Talks to the service: the only room that speaks HTTP.

workflows/wiring.py makes a ClientFactory, which gives each worker thread of the engine a Client of its own. Errors that
leave this room are ApiErrors (or plain GemctlErrors for settings that can't work), and carry no key.
"""
