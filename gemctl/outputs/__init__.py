"""Writes for others, beside the state: the names of objects, tokens, the results of runs and their receipts."""
