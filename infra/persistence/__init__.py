"""Kehu's log as a persistence module for `eventsourcing`; `kehu.persistence` is its public name."""
