"""Checking and repairing a project file."""
