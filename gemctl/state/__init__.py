"""The archive: the ledger on disk. A snapshot, an append-only journal beside it, and a lock."""
