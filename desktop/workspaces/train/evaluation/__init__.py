"""The evaluation of a run in the Train workspace: scores, confusion matrix, and the pictures behind them."""
