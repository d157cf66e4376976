"""The view store: tables of versions, builds that follow the log, the worker, the reader."""
