"""Carries out plans; the only room where several things happen at once. survey looks, resolve waits, execute acts."""
