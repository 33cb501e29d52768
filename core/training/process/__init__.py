"""The training process: the worker, its messages, and the client in the program that starts it."""
