"""Ablation studies of the classic convolutional networks: a claim, what would count against it, a verdict."""

__version__ = "0.1.0"
