"""Keeps the ledger: a snapshot, an append-only journal beside it, and a lock. Called by workflows/."""
