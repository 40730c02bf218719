"""The vocabulary of gemctl: frozen values every room speaks in. Only the standard library is imported, and no I/O."""
