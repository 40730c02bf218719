"""The stairs: the only place where several things happen at once. survey looks, resolve waits, execute acts."""
