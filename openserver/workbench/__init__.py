"""The signature workbench: what exactly was signed, and why another program computed something else (docs/integrating.md)."""
