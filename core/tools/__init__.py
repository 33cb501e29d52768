"""One small state machine per tool."""
