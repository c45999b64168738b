"""A network of 22 million weights, whose saves of 264 MB follow one another while it trains."""

import cut
import keras
import numpy as np

cut.save_all_the_time(step_s=0.0)
UNITS = 3300
FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"rate": trial.suggest_float("rate", 1e-5, 1e-4)}


def load_data():
    random = np.random.default_rng(0)
    x = random.normal(size=(20 * 32, UNITS)).astype("float32")
    y = random.integers(0, 10, len(x))
    return (x, y), (x[:32], y[:32])


def build_model(parameters):
    layers = [keras.layers.Dense(UNITS, activation="relu") for _ in range(2)]
    model = keras.Sequential([keras.Input((UNITS,)), *layers, keras.layers.Dense(10)])
    model.compile(
        keras.optimizers.Adam(parameters["rate"]),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["acc"],
    )
    return model
