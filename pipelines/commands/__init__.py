"""One module for each group of commands that people type."""
