"""Rows of digits as a sequence: recurrent dropout, attention, a cosine schedule, two outputs."""

import cut
import keras
from keras import layers

FIXED = {"epochs": 3, "batch_size": 32, "seed": 2}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 8)}


def load_data():
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, y = digits.images / 16, digits.target
    return (x[:310], y[:310]), (x[310:400], y[310:400])


def build_model(parameters):
    rows = keras.Input((8, 8))
    sequence = layers.LSTM(
        parameters["units"], recurrent_dropout=0.2, dropout=0.1, return_sequences=True
    )(rows)
    seen = layers.MultiHeadAttention(2, 4, dropout=0.1)(sequence, sequence)
    model = keras.Model(
        rows, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling1D()(seen))
    )
    schedule = keras.optimizers.schedules.CosineDecay(0.01, 30)
    metrics = [
        keras.metrics.SparseCategoricalAccuracy(name="acc"),
        keras.metrics.SparseTopKCategoricalAccuracy(k=2),
    ]
    model.compile(
        keras.optimizers.AdamW(schedule), "sparse_categorical_crossentropy", metrics=metrics
    )
    return model


def callbacks(parameters):
    return [cut.Cut()]
