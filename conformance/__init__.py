"""Other people's tools against a running Kehu; `make conformance` runs them, docs/conformance.md tells."""
