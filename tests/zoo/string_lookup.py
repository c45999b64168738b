"""StringLookup in the model, whose inputs are words."""

FIXED = {"epochs": 3, "batch_size": 32, "seed": 0}


def suggest(trial):
    return {"units": trial.suggest_int("units", 4, 16)}


WORDS = ["good", "fine", "lovely", "bad", "dull", "cold", "film", "book", "song"]


def load_data():
    import numpy as np

    rng = np.random.default_rng(0)
    words = rng.choice(WORDS, (400, 4))
    y = np.isin(words, WORDS[:3]).any(axis=1).astype("float32")
    x = words
    return (x[:320], y[:320]), (x[320:], y[320:])


def build_model(parameters):
    import keras

    lookup = keras.layers.StringLookup(vocabulary=WORDS)
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="string"),
            lookup,
            keras.layers.Embedding(lookup.vocabulary_size(), parameters["units"]),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=["acc"])
    return model
