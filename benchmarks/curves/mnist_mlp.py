"""A grid of 432 dense networks on 5,000 images of MNIST by SGD; most of them learn little."""

from typing import Any

from search_spaces import mnist_resnet

FIXED = {"epochs": 27, "batch_size": 128, "seed": 0}
load_data = mnist_resnet.load_data


def suggest(trial) -> dict[str, Any]:
    """Return the parameters of one trial."""
    return {
        "layers": trial.suggest_categorical("layers", [1, 2, 4]),
        "units": trial.suggest_categorical("units", [8, 32, 128]),
        "activation": trial.suggest_categorical("activation", ["relu", "tanh", "sigmoid"]),
        "momentum": trial.suggest_categorical("momentum", [0.0, 0.9]),
        "learning_rate": trial.suggest_categorical(
            "learning_rate", [1e-5, 1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 1.0, 10.0]
        ),
    }


def build_model(parameters: dict[str, Any]):
    """Return the compiled network: images (28, 28, 1), some equal dense layers, 10 classes."""
    import keras
    from keras import layers

    hidden = [
        layers.Dense(parameters["units"], activation=parameters["activation"])
        for _ in range(parameters["layers"])
    ]
    output = layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((28, 28, 1)), layers.Flatten(), *hidden, output])
    optimizer = keras.optimizers.SGD(parameters["learning_rate"], parameters["momentum"])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["acc"])
    return model
