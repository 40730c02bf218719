"""One file per thing a person can ask. Workflows return values; only the front door speaks."""
