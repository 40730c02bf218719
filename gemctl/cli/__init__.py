"""Reads command lines, calls workflows, and prints: click, exit statuses, standard streams. Nothing below it prints."""
