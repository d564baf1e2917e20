"""The import of items from a workbook: columns, check, plan, and the way back (docs/import.md)."""
