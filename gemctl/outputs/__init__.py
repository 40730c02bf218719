"""Writes what others read, beside the state: names of objects, tokens, results of runs and their receipts. Called by
workflows, which give some of it to the engine as functions.
"""
