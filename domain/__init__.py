"""What happened and what may happen: events, decisions and policies, one noun a file, no I/O."""
