"""Keeps the pictures in step with the content of their files: replaced, renamed and copied ones."""
