"""A grid of 324 LSTMs that read the handwritten digits; most learning rates are bad."""

from typing import Any

from search_spaces import digits_lstm

FIXED = {"epochs": 27, "batch_size": 64, "seed": 0}
load_data, build_model = digits_lstm.load_data, digits_lstm.build_model


def suggest(trial) -> dict[str, Any]:
    """Return the parameters of one trial."""
    return {
        "units": trial.suggest_categorical("units", [8, 16, 32]),
        "bidirectional": trial.suggest_categorical("bidirectional", [True, False]),
        "dropout": trial.suggest_categorical("dropout", [0.0, 0.25, 0.5]),
        "recurrent_dropout": trial.suggest_categorical("recurrent_dropout", [0.0, 0.2]),
        "learning_rate": trial.suggest_categorical(
            "learning_rate", [1e-5, 5e-5, 2e-4, 1e-3, 3e-3, 1e-2, 5e-2, 2e-1, 1.0]
        ),
    }
