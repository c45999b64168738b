"""A stateful LSTM whose states a callback resets at the end of each epoch."""

FIXED = {"epochs": 3, "batch_size": 20, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    import numpy as np

    wave = np.sin(np.arange(300) / 7) + 0.3 * np.sin(np.arange(300) / 2.3)
    x = np.stack([wave[i : i + 8] for i in range(260)])[..., None]
    y = (wave[9:269] > wave[8:268]).astype("float32")
    return (x[:200], y[:200]), (x[200:], y[200:])


def build_model(parameters):
    import keras

    model = keras.Sequential(
        [
            keras.Input(batch_shape=(20, 8, 1)),
            keras.layers.LSTM(parameters["units"], stateful=True, name="memory"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["acc"])
    return model


def callbacks(parameters):
    import keras

    class Reset(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.get_layer("memory").reset_state()

    return [Reset()]
