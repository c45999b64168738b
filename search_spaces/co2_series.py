"""A time series: will the CO2 of Mauna Loa be higher in four weeks, by convolutions or a GRU."""

from typing import Any

FIXED = {"epochs": 20, "batch_size": 64, "seed": 0}
WINDOW, AHEAD = 104, 4  # weeks


def suggest(trial) -> dict[str, Any]:
    """Return the parameters of one trial; convolutions and a GRU have different ones."""
    parameters = {
        "weeks": trial.suggest_categorical("weeks", [26, 52, 104]),
        "reader": trial.suggest_categorical("reader", ["convolutions", "gru"]),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5, step=0.1),
        "learning_rate": trial.suggest_float("learning_rate", 5e-4, 1e-2, log=True),
    }
    if parameters["reader"] == "convolutions":
        parameters["filters"] = trial.suggest_categorical("filters", [8, 16, 32])
        parameters["kernel"] = trial.suggest_int("kernel", 3, 9, step=2)
    else:
        parameters["units"] = trial.suggest_categorical("units", [8, 16, 32])
    return parameters


def load_data():
    """Return (x_train, y_train), (x_val, y_val): windows float32 (n, 104, 1), labels int64 (n,).

    A window holds the CO2 of the last 104 weeks minus that of the latest week, in parts per
    million. The label is 1 if the CO2 is higher four weeks later. The first four fifths of the
    weeks are for training, the last fifth is for validation, and no window spans both. A random
    split would let the model interpolate between weeks that it has seen.

    Baselines on the validation part: 0.58 by always answering "higher", 0.91 by the week of the
    year alone.

    Source: weekly means of the air at Mauna Loa, 1958–2001 (C. D. Keeling and T. P. Whorf,
    Scripps; public domain), by ``statsmodels.datasets.co2``: 2,284 weeks; the 59 missing ones are
    interpolated linearly.
    """
    import numpy as np

    try:
        from statsmodels.datasets import co2
    except ImportError:
        raise ImportError(
            "its weeks come with statsmodels: pip install 'keras-sweep[examples]'"
        ) from None

    series = co2.load_pandas().data["co2"].interpolate().to_numpy()

    def windows(part):
        x = np.lib.stride_tricks.sliding_window_view(part[:-AHEAD], WINDOW)
        now, later = x[:, -1], part[WINDOW - 1 + AHEAD :]
        return (x - now[:, None]).astype("float32")[..., None], (later > now).astype("int64")

    split = len(series) * 4 // 5
    return windows(series[:split]), windows(series[split:])


def build_model(parameters: dict[str, Any]):
    """Return the compiled network: windows (104, 1), convolutions or a GRU, one probability.

    Only the last ``weeks`` of a window are read.
    """
    import keras
    from keras import layers

    stack = [keras.Input((WINDOW, 1)), layers.Cropping1D((WINDOW - parameters["weeks"], 0))]
    if parameters["reader"] == "convolutions":
        for _ in range(2):
            stack += [
                layers.Conv1D(parameters["filters"], parameters["kernel"], activation="relu"),
                layers.MaxPooling1D(),
            ]
        stack.append(layers.Flatten())
    else:
        stack.append(layers.GRU(parameters["units"]))
    model = keras.Sequential(
        [*stack, layers.Dropout(parameters["dropout"]), layers.Dense(1, activation="sigmoid")]
    )
    optimizer = keras.optimizers.Adam(parameters["learning_rate"], clipnorm=1.0)
    model.compile(optimizer, "binary_crossentropy", metrics=["acc"])
    return model
