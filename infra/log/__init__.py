"""The log: appending in groups, reading in order, following as it grows."""
