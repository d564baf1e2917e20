"""Pages of virtual items and their releases."""
