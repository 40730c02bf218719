"""The way to the service: the only room that talks HTTP.

The engine asks for a Phone and gives each worker thread a Client of its own; nobody else comes in here. Everything
that leaves is an ApiError (or a plain GemctlError for settings that can't work), and carries no key.
"""
