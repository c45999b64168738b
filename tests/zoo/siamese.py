"""A siamese network: one encoder for two inputs, and their distance."""

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


def load_data():
    import numpy as np

    rng = np.random.default_rng(0)
    x, other = rng.normal(size=(2, 400, 8)).astype("float32")
    same = rng.random(400) < 0.5
    other[same] = x[same] + 0.3 * other[same]
    y = same.astype("float32")
    return ([x[:320], other[:320]], y[:320]), ([x[320:], other[320:]], y[320:])


def build_model(parameters):
    import keras
    from keras import layers

    encoder = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(parameters["units"], activation="tanh"),
            layers.Dropout(0.1),
        ]
    )
    one, two = keras.Input((8,)), keras.Input((8,))
    apart = layers.Subtract()([encoder(one), encoder(two)])
    outputs = layers.Dense(1, activation="sigmoid")(layers.Multiply()([apart, apart]))
    model = keras.Model([one, two], outputs)
    model.compile("adam", "binary_crossentropy", metrics=["acc"])
    return model
