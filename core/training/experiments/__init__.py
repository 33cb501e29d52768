"""Experiments that are ready to be carried out on a dataset: which networks, with which options, and why."""
