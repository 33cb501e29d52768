"""The table of runs, and what a person does with its rows."""
