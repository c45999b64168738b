"""A model held in memory is written as Keras would have written it at that moment."""

import pytest

from support.command import in_keras

pytestmark = pytest.mark.cold

COMPARED = '''
import io, json, pathlib, zipfile
import h5py
import keras
import numpy as np
from sweep.space.objectives import Objective
from sweep.training.saving import held_model
from sweep.training.saving.best_model_callback import BestModel
from sweep.training.state.variables import underlying

folder = pathlib.Path("FOLDER")
layers, losses, random = keras.layers, keras.losses, np.random.default_rng(0)


@keras.saving.register_keras_serializable("test")
class Counted(layers.Layer):
    """Saves what is no variable, in its own way."""

    def __init__(self, **options):
        super().__init__(**options)
        self.seen = np.zeros(3)

    def call(self, x):
        return x

    def save_own_variables(self, store):
        store["seen"] = self.seen
        store["twice"] = 2 * self.seen

    def load_own_variables(self, store):
        self.seen = np.array(store["seen"])


def looked_up():
    words = layers.StringLookup(vocabulary=["a", "b", "c"])
    text = keras.Input((1,), dtype="string")
    model = keras.Model(text, layers.Dense(2)(layers.Embedding(8, 4)(words(text))[:, 0]))
    return model, keras.ops.convert_to_tensor([["a"], ["c"]] * 8), "sgd"


def sparse():
    model = keras.Sequential([layers.Embedding(50, 4), layers.Flatten(), layers.Dense(2)])
    return model, random.integers(0, 50, (16, 3)), keras.optimizers.Adam(0.1)


def nested():
    inner = keras.Sequential([layers.Dense(4, dtype="bfloat16"), layers.BatchNormalization()])
    inner.trainable = False
    x = keras.Input((3,))
    model = keras.Model(x, layers.Dense(2)(layers.Dropout(0.5, seed=1)(Counted()(inner(x)))))
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9, use_ema=True)
    return model, random.normal(size=(16, 3)), keras.optimizers.LossScaleOptimizer(optimizer)


def named_before():
    """The model has its optimizer under a name that Keras's walk comes to first."""
    model = keras.Sequential([layers.Dense(2)])
    model.adam = keras.optimizers.Adam(0.1)
    return model, random.normal(size=(16, 3)), model.adam


def of_an_inner_model():
    inner, optimizer = keras.Sequential([keras.Input((3,))]), keras.optimizers.Adam()
    inner.add(layers.Dense(4))
    inner.compile(optimizer, "mse")
    return keras.Sequential([inner, layers.Dense(2)]), random.normal(size=(16, 3)), optimizer


def compiled_by_xla():
    model = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(2)])
    return model, random.normal(size=(16, 3)), "adam"


def datasets(file):
    found = {}
    def visit(name, item):
        attributes = {key: str(value) for key, value in item.attrs.items()}
        is_array = isinstance(item, h5py.Dataset)
        array = [str(item.dtype), item[()].tobytes().hex()] if is_array else []
        found[name] = [attributes, *array]
    with h5py.File(file, "r") as content:
        content.visititems(visit)
    return found


def best_of(model):
    """Return a callback that keeps this model as the best in memory."""
    in_metrics = [variable for metric in model.metrics for variable in metric.variables]
    variables = [*model.variables, *model.optimizer.variables, *in_metrics]
    found = [underlying(variable) for variable in variables]
    best = BestModel(folder / "best.keras", Objective("acc", "max"), None, lambda: found)
    best.set_model(model)
    best.on_epoch_end(0, {"acc": 1.0})
    return best


def members(path):
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(content.pop("metadata.json"))
    weights = datasets(io.BytesIO(content.pop("model.weights.h5")))
    content.pop("sweep.json", None)
    return {**content, "version": metadata["keras_version"]}, weights


for make in (looked_up, sparse, nested, named_before, of_an_inner_model, compiled_by_xla):
    model, x, optimizer = make()
    y = random.integers(0, 2, len(x))
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, jit_compile=make is compiled_by_xla)
    model.fit(x, y, verbose=0)
    weights, whole = folder / "keras.weights.h5", folder / "keras.keras"
    model.save_weights(weights)
    model.save(whole)
    optimizer_before = [np.array(variable) for variable in model.optimizer.variables]
    held = held_model.hold_weights(model)
    held_whole = held_model.hold_model(model, held_model.config_of(model))
    best = best_of(model)
    model.fit(x, y, epochs=3, verbose=0)
    if make is nested:
        next(layer for layer in model.layers if isinstance(layer, Counted)).seen += 1
    ahead = best.hold()
    assert ahead.write() > 0 and ahead.is_written and ahead.write() == 0
    assert not (folder / "best.keras").exists(), "the latest backup has the model before it"
    best.write_now()
    assert members(folder / "best.keras") == members(whole), make
    (folder / "best.keras").unlink()
    for again in range(2):  # a write that has failed is tried again
        held_weights, path = folder / "held.weights.h5", folder / "held.keras"
        with open(held_weights, "w+b") as file:
            held.write(file, {"0": np.arange(3)})
        ours = datasets(held_weights)
        assert ours.pop("sweep/0")[2] == np.arange(3).tobytes().hex() and ours.pop("sweep") == [{}]
        assert ours == datasets(weights), make
        with open(path, "w+b") as file:
            held_whole.write(file)
        assert zipfile.ZipFile(path).testzip() is None
        assert members(path) == members(whole), make
    model.load_weights(held_weights)
    loaded, before = keras.models.load_model(path), keras.models.load_model(whole)
    for variables in zip(loaded.weights, before.weights, model.weights, strict=True):
        one, *others = map(keras.ops.convert_to_numpy, variables)
        assert all(np.array_equal(one, other) for other in others), make
    for variable, value in zip(model.optimizer.variables, optimizer_before, strict=True):
        assert np.array_equal(variable, value), make
print(json.dumps("equal"))
'''


def test_what_is_held_is_written_as_keras_would_have_written_it_then(tmp_path):
    assert in_keras(COMPARED.replace("FOLDER", str(tmp_path))) == "equal"


MEMORY = """
import json
import keras
import numpy as np
import psutil
from sweep.training.saving import held_model

MB, process = 1e6, psutil.Process()
model = keras.Sequential([keras.Input((2000,)), *(keras.layers.Dense(2000) for _ in range(6))])
model.compile("sgd", "mse")
x = np.zeros((1, 2000))
model.fit(x, x, verbose=0)
weights_mb = model.count_params() * 4 / MB
held = held_model.hold_weights(model)
model.fit(x, x, verbose=0)  # assigns all, and so copies what is held
before = process.memory_info().rss / MB
write, peak = held_model.FileStore.__setitem__, before

def noting(*args):
    global peak
    write(*args)
    peak = max(peak, process.memory_info().rss / MB)

held_model.FileStore.__setitem__ = noting
with open("PATH", "w+b") as file:
    held.write(file)
print(json.dumps([weights_mb, peak - before]))
"""


def test_a_write_takes_no_memory_beyond_what_is_held(tmp_path):
    weights_mb, more_mb = in_keras(MEMORY.replace("PATH", str(tmp_path / "held.weights.h5")))
    assert more_mb < weights_mb / 4, f"{more_mb} MB more, of weights of {weights_mb} MB"
