"""The class list: panel, model, delegate, menu."""
