"""Exports: views and the log as files for other tools, written in pages and whole or not at all."""
