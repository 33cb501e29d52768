"""Benchmarks: each module measures one thing that must feel instant."""
