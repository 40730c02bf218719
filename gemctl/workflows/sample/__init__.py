"""The texts that `gemctl init` puts into a new project."""
