"""Turns text into `Desired`: `read` reads files, `yaml` parses, `bind` binds it to kinds. Called by workflows."""
