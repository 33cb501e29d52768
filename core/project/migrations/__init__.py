"""Alembic's steps from each form of the project file to the next."""
