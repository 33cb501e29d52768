"""The writer lock of a project: who holds it, and whether that program still runs."""
