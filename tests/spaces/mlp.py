"""A dense network with noise, normalization, dropout and callbacks that have a state."""

import random

import cut
import keras

FIXED = {"epochs": 6, "batch_size": 32, "seed": 3}


class Counts(keras.callbacks.Callback):
    """State in plain attributes of each kind; the learning rate wanders by some of it."""

    def __init__(self):
        super().__init__()
        self.batches, self.epochs, self.by_epoch, self.drawn = 0, [], {}, ()

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(epoch)

    def on_train_batch_begin(self, batch, logs=None):
        self.batches += 1

    def on_train_batch_end(self, batch, logs=None):
        self.by_epoch[len(self.epochs)] = self.by_epoch.get(len(self.epochs), 0) + 1
        self.drawn = (*self.drawn[-3:], random.random())

    def on_epoch_end(self, epoch, logs=None):
        assert self.batches == sum(self.by_epoch.values()) == 10 * len(self.epochs)
        assert self.epochs == list(range(epoch + 1))
        rate = self.model.optimizer.learning_rate
        rate.assign(rate * (0.9 + 0.1 * sum(self.drawn) / 4) * (1 - 0.0001 * self.batches))


class NoiseWithoutSeed(keras.layers.Layer):
    """Draws from Keras's own seed generator."""

    def call(self, inputs, training=False):
        return inputs + 0.01 * keras.random.normal(keras.ops.shape(inputs)) if training else inputs


def suggest(trial):
    return {
        "units": trial.suggest_int("units", 4, 16),
        "rate": trial.suggest_float("rate", 1e-3, 1e-1, log=True),
    }


def load_data():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x[:310] / 16, y[:310]), (x[310:400] / 16, y[310:400])


def build_model(parameters):
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.GaussianNoise(0.1),
            NoiseWithoutSeed(),
            keras.layers.Dense(parameters["units"], activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(parameters["rate"]),
        "sparse_categorical_crossentropy",
        metrics=["acc"],
    )
    return model


def callbacks(parameters):
    return [
        keras.callbacks.EarlyStopping("val_acc", patience=4, mode="max", restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=0.05),
        Counts(),
        cut.Cut(),
    ]
