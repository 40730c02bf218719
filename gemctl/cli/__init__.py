"""The front door: click, exit statuses, standard streams. It speaks; nothing below it does."""
