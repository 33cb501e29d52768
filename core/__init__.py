"""Everything but the window: no Qt in here."""
