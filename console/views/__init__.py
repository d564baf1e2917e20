"""Pages of the foundation; base classes that every page of the console extends."""
