"""Evaluations that are kept in the project's cache, and the process that computes them."""
