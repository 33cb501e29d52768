"""Labelled pictures for training: the frozen snapshot, the sampled training set, augmentation."""
