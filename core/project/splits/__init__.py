"""Assigning pictures to train, val and test."""
