"""The curves of the Train workspace: what is shown, how it is drawn, and its files."""
