"""Hyperparameter sweeps for Keras that cannot be lost."""

__version__ = "0.1.0"
