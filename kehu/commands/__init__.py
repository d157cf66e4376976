"""The commands of the console, one a file."""
