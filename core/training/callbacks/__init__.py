"""What listens to a training: logs, TensorBoard, a command of one's own."""
