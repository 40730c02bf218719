"""Knows models by dated facts: reads the book, warns by it, and compares what the service itself lists."""
