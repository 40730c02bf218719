"""Opens files under a root, a folder at a time, and replaces them whole. Called by all rooms that use files."""
