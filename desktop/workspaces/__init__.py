"""The five workspaces: Label, Review, Train, Data, Learn. None imports another."""
