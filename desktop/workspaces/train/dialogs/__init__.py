"""Dialogs of the Train workspace: next run, network, model export."""
