"""What is computed from the log: one view a file, pure, each declared once."""
