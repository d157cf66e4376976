"""The log's own tables, one numbered file a step; they only go forward."""
