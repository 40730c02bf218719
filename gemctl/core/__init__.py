"""Holds the frozen values that all rooms use and exchange. Imports the standard library only; does no I/O."""
