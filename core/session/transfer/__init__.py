"""Datasets in and out of a project."""
