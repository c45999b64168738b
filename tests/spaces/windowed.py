"""How many past values are an input is searched, too: load_data takes it from the parameters."""

FIXED = {"epochs": 2, "batch_size": 40, "seed": 0}


def suggest(trial):
    return {
        "window": trial.suggest_categorical("window", [4, 8]),
        "rate": trial.suggest_categorical("rate", [0.3, 0.1, 0.03]),
    }


def load_data(parameters):
    import numpy as np

    window = parameters["window"]
    values = np.sin(np.arange(208) / 9) + np.random.normal(0, 0.1, 208)
    x = np.stack([values[start : start + window] for start in range(200)])
    y = np.array([values[start + window] > values[start + window - 1] for start in range(200)])
    return (x[:160], y[:160]), (x[160:], y[160:])


def build_model(parameters):
    import keras

    layers = [
        keras.Input((parameters["window"],)),
        keras.layers.Dropout(0.1),
        keras.layers.Dense(1, "sigmoid"),
    ]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(parameters["rate"]), "binary_crossentropy", metrics=["acc"])
    return model


def callbacks(parameters):
    import cut

    return [cut.Cut()]
