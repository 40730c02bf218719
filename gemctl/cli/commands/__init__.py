"""Defines the commands, one module each: options → workflow → render → print. main.py imports a module when its command
is run, not before.
"""
