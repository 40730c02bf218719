"""The way to files: opened under a root, a folder at a time, and replaced whole or not at all."""
