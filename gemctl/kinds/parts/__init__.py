"""Holds shapes, forms and readers that kinds share, or that would make a kind's file too long. Called by kinds only."""
