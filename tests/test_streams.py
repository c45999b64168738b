"""Each kind of data that load_data may return.

What is promised as exact ends as if uncut, and weights are Keras's.
"""

import pytest

from support.bits import assert_equal, only
from support.command import in_keras, run, sweep
from support.tiers import sampled
from sweep.experience.record import State
from sweep.training.protocol import EpochDone

PARAMETERS = {"units": 6, "epochs": 4, "batch_size": 32, "seed": 3}
KINDS = {
    "by_epoch": "train(epoch)",
    "without_a_seed": "train(epoch)",
    "py_dataset": "PyDataset",
    "two_inputs": "arrays",
}


def of_kind(kind):
    return 'KIND = "by_epoch"', f'KIND = "{kind}"'


@pytest.mark.parametrize("kind", sampled(KINDS, "by_epoch", "py_dataset"))
def test_killed_inside_epochs_it_ends_as_if_uncut(trainer, space, tmp_path, kind):
    path = space(of_kind(kind), of="streamed")
    for epoch, batch in ((0, 6), (2, 4), (2, 8)):
        assert (
            "SIGKILL"
            in trainer(path, tmp_path / "cut", {"epoch": epoch, "batch": batch}, 3, PARAMETERS).why
        )
    assert trainer(path, tmp_path / "cut", None, 3, PARAMETERS).ending == "outcome"
    trainer(path, tmp_path / "uncut", parameters=PARAMETERS)
    assert only(tmp_path / "uncut").state() is State.FINISHED, (
        only(tmp_path / "uncut").read().outcome
    )
    assert_equal(only(tmp_path / "cut"), only(tmp_path / "uncut"))
    assert only(tmp_path / "cut").read().data == KINDS[kind]
    assert (
        len({row.split(",")[2] for row in only(tmp_path / "cut").log.read_text().split()}) == 5
    ), "epochs differ"


@pytest.mark.long
def test_killed_between_calls_of_many_batches_it_ends_as_if_uncut(trainer, space, tmp_path):
    path = space(("[cut.Cut()]", "[]"), of="streamed")

    def kill(news):
        if isinstance(news, EpochDone) and news.epoch == 1:
            trainer.place.kill()
        return False

    assert "SIGKILL" in trainer(path, tmp_path / "cut", None, 4, PARAMETERS, kill).why
    trainer(path, tmp_path / "cut", None, 4, PARAMETERS)
    trainer(path, tmp_path / "uncut", None, 1000, PARAMETERS)
    assert_equal(only(tmp_path / "cut"), only(tmp_path / "uncut"))


STREAMS = ("by_epoch", "without_a_seed", "py_dataset", "one_dataset")


def test_streams_are_known_again_by_first_batches_that_come_twice_whatever_the_seed(space):
    code = f"""
import json, keras
from sweep.space import search_space, source
from sweep.training.data.make_batches import make_batch_source
from sweep.training.data.arrays import digest_of

module = search_space.load(source.find({str(space(of="streamed"))!r})).suggest.__globals__
x, y, *validation = module["digits"]()
found = {{}}
for kind in {STREAMS!r}:
    digests = []
    for seed, factor in ((3, 1), (4, 1), (3, 2)):
        keras.utils.set_random_seed(seed)
        module["digits"] = lambda factor=factor: (x * factor, y, *validation)
        batches = make_batch_source(module[kind]()[0], True, 32, seed, print).compared()
        digests.append(batches and digest_of(batches))
    found[kind] = digests
print(json.dumps(found))
"""
    found = in_keras(code)
    assert found.pop("one_dataset") == [None] * 3
    for kind, (digest, of_another_seed, of_other_data) in found.items():
        assert digest, kind
        assert digest == of_another_seed, kind
        assert digest != of_other_data, kind


APPROXIMATE = [
    (
        [of_kind("one_dataset")],
        "tf.data.Dataset",
        "begins the tf.data.Dataset of its training anew",
    ),
    (
        [("seed=epoch)", "seed=np.random.randint(99))")],
        "train(epoch)",
        "train(0) gave other batches when it was asked a",
    ),
    (
        [
            of_kind("without_a_seed"),
            ("(x_val, y_val)).batch(40)", "(x_val, y_val)).shuffle(90).batch(40)"),
        ],
        "train(epoch)",
        "the tf.data.Dataset of the validation gave other batches when it was asked a second time",
    ),
    (
        [of_kind("py_dataset"), ("np.random.rand(", "np.random.default_rng().random(")],
        "PyDataset",
        "its PyDataset gave other batches when it was asked a second time",
    ),
]


@pytest.mark.parametrize(("changes", "data", "because"), sampled(APPROXIMATE, *APPROXIMATE[:2]))
def test_what_cannot_be_exact_goes_on_and_says_so_from_the_first_session_on(
    trainer, space, tmp_path, changes, data, because
):
    path = space(*changes, of="streamed")
    assert "SIGKILL" in trainer(path, tmp_path, {"epoch": 1, "batch": 5}, 3, PARAMETERS).why
    first = only(tmp_path).read()
    assert trainer(path, tmp_path, None, 3, PARAMETERS).ending == "outcome"
    record = only(tmp_path).read()
    assert (first.data, record.data, record.outcome.state) == (data, data, "finished"), (
        record.outcome
    )
    assert because in first.approximate_because
    assert record.approximate_because == first.approximate_because
    assert record.sessions[1].epoch == 1
    assert record.sessions[1].batch > 1, "it goes on inside the epoch"


WRONG = [
    (
        "return train, (",
        "return train(0).repeat(), (",
        "training gives batches without an end; say how many are an epoch, by .take",
    ),
    (
        ".batch(32).prefetch(2)",
        "",
        "train(0) gives single samples; give batches, as .batch(32) makes them",
    ),
    (".batch(32).prefetch(2)", ".batch(32).take(0)", "train(0) gives no batches"),
    (
        ".batch(32).prefetch(2)",
        ".batch(32).map(lambda x, y: x)",
        "gives EagerTensor; give batches (x, y) or (x, y, sample_weight)",
    ),
    (
        "return samples.map(",
        "return list(samples)  # ",
        "train(0) returns a list; return a tf.data.Dataset",
    ),
    (
        "(x * 2, y)",
        "(x * np.nan, y)",
        "NaN or infinity in x of the first batch of train(0); drop or fill them",
    ),
    (
        "return train, (x_val, y_val)",
        "return (x, y), train",
        "for the validation it gives a function",
    ),
    (
        ".prefetch(2)",
        ".take(9 if epoch < 2 else 6)",
        "train(2) gives 6 batches, where the first epoch had 9; give each epoch as many",
    ),
    (
        ".prefetch(2)",
        ".take(6 if epoch < 2 else 9)",
        "train(2) gives more batches, where the first epoch had 6; give each epoch",
    ),
    (
        '"batch_size": 32, ',
        "",
        "suggest returns batch_size, but the batches of a train(epoch) are made by load_data; "
        "put it into FIXED",
    ),
]


@pytest.mark.parametrize(("old", "new", "says"), WRONG)
def test_a_stream_that_cannot_be_trained_on_is_refused_in_a_sentence(
    trainer, space, tmp_path, old, new, says
):
    path = space((old, new), of="streamed")
    end = trainer(path, tmp_path / "root", parameters=PARAMETERS)
    assert end.ending == "refused", only(tmp_path / "root").read().outcome
    assert str(path) in end.why
    assert says in end.why
    assert "\n" not in end.why


AS_KERAS = """
import json, types, keras, numpy as np, tensorflow as tf
from pathlib import Path
from sweep.training import steps
from sweep.training.data.make_batches import make_batch_source
from sweep.training.data.class_weight import weigh_by_class
from sweep.training.data.arrays import check_part

draw = np.random.default_rng(0)
x, labels = draw.random((70, 5), dtype="float32"), draw.integers(0, 4, 70)
sample_weight, by_class = draw.random(70, dtype="float32"), {0: 2.0, 2: 0.25}
of_samples = np.array([by_class.get(label, 1.0) for label in labels], "float32")
targets = {
    "sparse": labels,
    "column": labels[:, None].astype("float32"),
    "one_hot": np.eye(4, dtype="float32")[labels],
}

def fresh(y):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, activation="softmax")])
    loss = ("" if y.shape[-1:] == (4,) else "sparse_") + "categorical_crossentropy"
    model.compile("adam", loss, metrics=["acc"], weighted_metrics=[keras.metrics.MeanMetricWrapper(
        getattr(keras.losses, loss), name="weighted")])
    return model

def ours(y, part, weights):
    train, test = (make_batch_source(part, is_train, 16, 0, print) for is_train in (True, False))
    train._shuffle = False
    source = types.SimpleNamespace(path=Path("it.py"))
    space = types.SimpleNamespace(class_weight=lambda parameters: weights, source=source)
    model = fresh(y)
    steps.build(model, test)
    weigh = weigh_by_class(space, {}, train.spec())
    steps.take_over(model, train, test, lambda: train.count, weigh)
    begin = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: model.train_function.begin(epoch),
        on_test_begin=lambda logs: model.test_function.begin(),
    )
    return model, model.fit(
        train.numbers, validation_data=test.numbers, callbacks=[begin], shuffle=False, verbose=0
    ).history

def kerass(y, *data, **how):
    model = fresh(y)
    weight = how.get("sample_weight")
    val = data if weight is None else (*data, weight)
    return model, model.fit(
        *data, shuffle=False, batch_size=16, verbose=0, validation_data=val, **how
    ).history

def are_equal(one, other):
    (a, logs), (b, logged) = one, other
    assert logs.keys() == logged.keys() and "weighted" in logs, (logs, logged)
    alike = all(np.allclose(logs[name], logged[name], rtol=1e-6, atol=1e-7) for name in logs)
    weights = zip(a.get_weights(), b.get_weights())
    return alike and all(np.allclose(p, q, rtol=1e-6, atol=1e-7) for p, q in weights)

found = {}
for name, y in ((name, targets[name]) for name in NAMES):
    plain = kerass(y, x, y)
    weighed = kerass(y, x, y, class_weight=by_class)
    both = kerass(y, x, y, sample_weight=sample_weight * of_samples)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(16)
    arrays, with_weights = check_part((x, y), ""), check_part((x, y, sample_weight), "")
    found[name] = [
        are_equal(ours(y, arrays, by_class), weighed),
        are_equal(ours(y, dataset, by_class), weighed),
        are_equal(ours(y, with_weights, None), kerass(y, x, y, sample_weight=sample_weight)),
        are_equal(
            (ours(y, with_weights, by_class)[0], {"weighted": 0}), (both[0], {"weighted": 0})
        ),
        not are_equal(ours(y, arrays, None), weighed),
    ]
print(json.dumps(found))
"""


@pytest.mark.parametrize("target", sampled(["sparse", "column", "one_hot"], "sparse"))
def test_weights_mean_what_they_mean_to_keras(target):
    """Sample weights count in the validation too, class weights do not; both are multiplied."""
    assert in_keras(f"NAMES = [{target!r}]\n{AS_KERAS}") == {target: [True] * 5}


CLASS_WEIGHT = "return {0: 2.0, 3: 0.5} if"
WRONG_WEIGHTS = [
    (
        ("def class_weight", "def class_weigth"),
        "has class_weigth and no class_weight: rename class_weigth to class_weight",
    ),
    (
        ("def class_weight", "class_weight = {}\n\ndef other"),
        "class_weight is a dict; write def class_weight(parameters)",
    ),
    (
        (CLASS_WEIGHT, 'return {"0": 2.0} if True or'),
        "class_weight returns {'0': 2.0}; return a dict of numbers by class",
    ),
    (
        (CLASS_WEIGHT, "return {0: -1.0} if True or"),
        "class_weight returns {0: -1.0}; return a dict of numbers by class",
    ),
    (
        (CLASS_WEIGHT, "return [1.0] if True or"),
        "class_weight returns [1.0]; return a dict of numbers by class",
    ),
    (
        (' y, weights), ({"top"', ' y, weights[:9]), ({"top"'),
        "310 samples in x_train but 9 in sample_weight_train; make them",
    ),
    (
        (' y, weights), ({"top"', ' y, weights / 0), ({"top"'),
        "NaN or infinity in sample_weight_train; drop or fill them",
    ),
    (
        (' y, weights), ({"top"', ' y, ["a"] * 310), ({"top"'),
        "sample_weight_train that is no array of numbers; return a weight",
    ),
    (
        (' y, weights), ({"top"', ' y, {"a": weights}), ({"top"'),
        "sample_weight_train for other outputs than y; give each output",
    ),
    (
        (' y, weights), ({"top"', ' {"a": y, "b": y}), ({"top"'),
        "class_weight needs one output, y of numbers; leave it out, or",
    ),
]


@pytest.mark.parametrize(("change", "says"), WRONG_WEIGHTS)
def test_wrong_weights_are_refused_in_a_sentence(trainer, space, tmp_path, change, says):
    path = space(of_kind("two_inputs"), change, of="streamed")
    end = trainer(path, tmp_path / "root", parameters=PARAMETERS)
    assert end.ending == "refused", only(tmp_path / "root").read().outcome
    assert str(path) in end.why
    assert says in end.why
    assert "\n" not in end.why


@pytest.mark.parametrize("kind", sampled(["without_a_seed", "py_dataset"], "py_dataset"))
def test_a_sweep_on_streams_keeps_nothing_of_them_and_its_models_are_verified(
    space, tmp_path, monkeypatch, kind
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = space(of_kind(kind), of="streamed")
    run(tmp_path / "root", "--trials", 2, "--sampler", "random", space=path)
    assert not list((tmp_path / "cache").glob("**/*.pkl"))
    done = sweep("verify", path, "--root", tmp_path / "root", "--models")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 loaded and evaluated" in done.stdout
