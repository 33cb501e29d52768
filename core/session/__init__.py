"""What an open project can do: loading, editing, training, transfer, dataset care."""
