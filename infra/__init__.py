"""The machinery: the log, the view store, the worker, the embedded PostgreSQL, import and replay."""
