"""One file a command: options → workflow → render → echo. Imported when the command is run, not before."""
