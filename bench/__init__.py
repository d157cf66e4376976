"""Side-by-side measurements: Kehu and its peers on one server, in one run, by turns."""
