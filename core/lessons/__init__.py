"""Network layers in plain NumPy, for the Learn workspace."""
