"""Foundations: errors, changes, geometry, settings, threads, child processes. Imports nothing else of Maskloop."""
