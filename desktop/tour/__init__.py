"""Drives the real window through everything; the acceptance test."""
