"""Measurements (bench/README.md)."""
