"""A dense network on data of each kind that load_data may return."""

import cut
import keras
import numpy as np
import tensorflow as tf

FIXED = {"epochs": 4, "batch_size": 32, "seed": 3}
KIND = "by_epoch"


def digits():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (
        (x[:310] / 16).astype("float32"),
        y[:310],
        (x[310:400] / 16).astype("float32"),
        y[310:400],
    )


def by_epoch():
    """Shuffled by a seed of the epoch, and filtered: TensorFlow does not know how many are left."""
    x, y, x_val, y_val = digits()

    def train(epoch):
        samples = (
            tf.data.Dataset.from_tensor_slices((x, y))
            .shuffle(310, seed=epoch)
            .filter(lambda x, y: y < 9)
        )
        return samples.map(lambda x, y: (x * 2, y), num_parallel_calls=2).batch(32).prefetch(2)

    return train, (x_val, y_val)


def without_a_seed():
    """Shuffled and augmented by TensorFlow's own seed; a validation that is streamed too."""
    x, y, x_val, y_val = digits()

    def train(epoch):
        samples = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(310)
        return samples.map(lambda x, y: (x + tf.random.normal([64], 0, 0.1), y)).batch(32)

    return train, tf.data.Dataset.from_tensor_slices((x_val, y_val)).batch(40)


class Augmented(keras.utils.PyDataset):
    """Draws from the generator of NumPy that is in every backup."""

    def __init__(self, x, y):
        super().__init__(workers=4)
        self.x, self.y = x, y

    def __len__(self):
        return 10

    def __getitem__(self, number):
        rows = slice(32 * number, 32 * (number + 1))
        return (
            self.x[rows] + np.random.normal(0, 0.1, self.x[rows].shape),
            self.y[rows],
            np.random.rand(len(self.y[rows])),
        )


def py_dataset():
    x, y, x_val, y_val = digits()
    return Augmented(x, y), (x_val, y_val, y_val + 1.0)


def two_inputs():
    x, y, x_val, y_val = digits()
    weights = 1 + np.arange(310) % 3
    return ({"top": x[:, :32], "end": x[:, 32:]}, y, weights), ({"top": x_val[:, :32],
                                                                 "end": x_val[:, 32:]}, y_val)


def one_dataset():
    x, y, x_val, y_val = digits()
    return tf.data.Dataset.from_tensor_slices((x, y)).shuffle(310).batch(32), (x_val, y_val)


def load_data():
    return globals()[KIND]()


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def build_model(parameters):
    if KIND == "two_inputs":
        inputs = {"top": keras.Input((32,), name="top"), "end": keras.Input((32,), name="end")}
        hidden = keras.layers.Concatenate()(list(inputs.values()))
    else:
        inputs = hidden = keras.Input((64,))
    hidden = keras.layers.Dense(parameters["units"], activation="relu")(hidden)
    hidden = keras.layers.Dropout(0.3)(hidden)
    model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(hidden))
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["acc"])
    return model


def class_weight(parameters):
    return {0: 2.0, 3: 0.5} if KIND in ("two_inputs", "without_a_seed") else None


def callbacks(parameters):
    return [cut.Cut()]
