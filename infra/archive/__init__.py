"""Archives: whole ranges of a tenant's log in Parquet files, written, read through and verified."""
