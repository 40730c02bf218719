"""Holds the frozen values that all rooms exchange. Imports the standard library only, and does no I/O."""
