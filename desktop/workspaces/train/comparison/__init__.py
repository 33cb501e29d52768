"""Two or more runs beside each other: what differs in their settings, and in the score of each class."""
