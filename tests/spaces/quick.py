"""Real trainings of a fraction of a second, of which some are well and some are not."""

FIXED = {"epochs": 6, "batch_size": 50, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 9), "rate": trial.suggest_float("rate", 1e-3, 1, log=True)}


def load_data():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x[:250] / 16, y[:250]), (x[250:400] / 16, y[250:400])


def build_model(parameters):
    import keras

    hidden = keras.layers.Dense(parameters["units"], activation="relu")
    layers = [keras.Input((64,)), hidden, keras.layers.Dropout(0.1), keras.layers.Dense(10, activation="softmax")]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(parameters["rate"]), "sparse_categorical_crossentropy", metrics=["acc"])
    return model


def callbacks(parameters):
    import time

    import keras

    return [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: time.sleep(0.01))]
