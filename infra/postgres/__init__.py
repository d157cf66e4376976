"""The embedded PostgreSQL: its programs, its user, and who starts and stops it."""
