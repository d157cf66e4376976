"""Import: files read row by row, rows made commands, resumable and idempotent."""
