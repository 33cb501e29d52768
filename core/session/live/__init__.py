"""Live prediction of an open project: requests, answers, and what follows from a correction."""
