"""A grid of 324 convolutional networks on the handwritten digits; most of them are good."""

from typing import Any

from search_spaces import digits_cnn

FIXED = {"epochs": 27, "batch_size": 64, "seed": 0, "blocks": 1, "dense": True, "units": 32}
load_data, build_model = digits_cnn.load_data, digits_cnn.build_model


def suggest(trial) -> dict[str, Any]:
    """Return the parameters of one trial."""
    return {
        "filters": trial.suggest_categorical("filters", [4, 8]),
        "shift": trial.suggest_categorical("shift", [0.0, 0.1, 0.2]),
        "batch_normalization": trial.suggest_categorical("batch_normalization", [True, False]),
        "dropout": trial.suggest_categorical("dropout", [0.0, 0.25, 0.5]),
        "learning_rate": trial.suggest_categorical(
            "learning_rate", [1e-4, 2e-4, 4e-4, 8e-4, 1.6e-3, 3.2e-3, 6.4e-3, 1.3e-2, 2.6e-2]
        ),
    }
