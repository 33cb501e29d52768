"""The journeys of a labelling session."""
