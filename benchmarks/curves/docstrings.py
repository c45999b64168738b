"""A grid of 360 networks that tell the package of a docstring; most of them are good."""

from typing import Any

from search_spaces import docstrings

FIXED = {"epochs": 27, "batch_size": 64, "seed": 0, "filters": 16, "kernel": 2}
load_data, build_model = docstrings.load_data, docstrings.build_model


def suggest(trial) -> dict[str, Any]:
    """Return the parameters of one trial."""
    return {
        "embedding": trial.suggest_categorical("embedding", [4, 8, 16, 32]),
        "reader": trial.suggest_categorical("reader", ["mean", "convolutions"]),
        "words": trial.suggest_categorical("words", [500, 1000, 4000]),
        "dropout": trial.suggest_categorical("dropout", [0.0, 0.3, 0.6]),
        "learning_rate": trial.suggest_categorical("learning_rate", [1e-3, 2e-3, 5e-3, 1e-2, 2e-2]),
    }
