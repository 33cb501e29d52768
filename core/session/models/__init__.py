"""Exporting, summarising and previewing networks in child processes."""
