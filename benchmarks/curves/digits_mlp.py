"""A grid of 324 small dense networks on the handwritten digits; most of them are good."""

from typing import Any

from search_spaces import digits_mlp

FIXED = {"epochs": 27, "batch_size": 32, "seed": 0}
load_data, build_model = digits_mlp.load_data, digits_mlp.build_model


def suggest(trial) -> dict[str, Any]:
    """Return the parameters of one trial."""
    return {
        "units": trial.suggest_categorical("units", [16, 32, 64, 128]),
        "dropout": trial.suggest_categorical("dropout", [0.0, 0.2, 0.4]),
        "learning_rate": trial.suggest_categorical(
            "learning_rate", [1e-4, 1.8e-4, 3.2e-4, 5.6e-4, 1e-3, 1.8e-3, 3.2e-3, 5.6e-3, 1e-2]
        ),
        "optimizer": trial.suggest_categorical("optimizer", ["adam", "sgd", "rmsprop"]),
    }
