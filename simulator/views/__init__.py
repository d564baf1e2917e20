"""The simulator's pages and the machine endpoints of its fictitious backends."""
