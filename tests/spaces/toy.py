"""As small as a training can be: nine points, some of which fail or diverge if a test wants it."""

FIXED = {"epochs": 3, "batch_size": 50, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 6),
            "rate": trial.suggest_categorical("rate", [0.3, 0.1, 0.03])}


def load_data():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x[:250] / 16, y[:250]), (x[250:400] / 16, y[250:400])


def build_model(parameters):
    import keras

    hidden = keras.layers.Dense(parameters["units"], activation="relu")
    layers = [
        keras.Input((64,)),
        hidden,
        keras.layers.Dropout(0.1),
        keras.layers.Dense(10, activation="softmax"),
    ]
    model = keras.Sequential(layers)
    model.compile(
        keras.optimizers.SGD(parameters["rate"]), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    return model


def callbacks(parameters):
    import cut

    return [cut.Cut()]
