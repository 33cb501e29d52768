"""The parts of the window around the canvas. None knows the session: setters in, signals out."""
