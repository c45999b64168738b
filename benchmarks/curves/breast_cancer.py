"""A grid of 432 networks of 81 epochs on the breast-cancer table; most learning rates are bad."""

from typing import Any

from search_spaces import breast_cancer

FIXED = {"epochs": 81, "batch_size": 32, "seed": 0, "hidden": True}
load_data, build_model = breast_cancer.load_data, breast_cancer.build_model


def suggest(trial) -> dict[str, Any]:
    """Return the parameters of one trial."""
    return {
        "bins": trial.suggest_categorical("bins", [4, 8, 16]),
        "embedding": trial.suggest_categorical("embedding", [1, 4]),
        "dropout": trial.suggest_categorical("dropout", [0.0, 0.3, 0.6]),
        "units": trial.suggest_categorical("units", [4, 16, 64]),
        "learning_rate": trial.suggest_categorical(
            "learning_rate", [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0]
        ),
    }
