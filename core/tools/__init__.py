"""Labelling tools as state machines, without Qt: pointer events in, edits out."""
