"""The zoo: search spaces as people write them, and whether each resumes bit for bit."""

import ast
import shutil
import textwrap
import threading
import time
from pathlib import Path

from support.bits import best_weights, only
from support.documents import WIDTH
from support.trainer import SPACES
from sweep.experience.record import State

FOLDER = Path(__file__).parent.parent / "zoo"
EQUAL = "equal"  # bit for bit that of an uncut training, and nothing says otherwise
NAMED = "named"  # approximate_because says what no backup can hold
# Which of the two is right for each space, by the kind of state that decides its training.
EXPECTED = {
    "Variables that Keras does not list": {
        "grad_accum": EQUAL,
        "kl_anneal": EQUAL,
        "gan_two_optimizers": EQUAL,
        "gan_k_steps": EQUAL,
        "tf_generator_model": EQUAL,
        "tf_generator_module": EQUAL,
        "mean_teacher_callback": EQUAL,
        "center_loss": EQUAL,
        "focal_gamma": EQUAL,
        "label_smoothing_variable": EQUAL,
        "loss_weights_variables": EQUAL,
        "metric_tf_variable": EQUAL,
        "layer_tf_variable": EQUAL,
        "constraint_variable": EQUAL,
        "regularizer_variable": EQUAL,
        "stateful_lstm": EQUAL,
        "lookahead": EQUAL,
        "curriculum_variable": EQUAL,
        "loss_balance": EQUAL,
        "memory_bank": EQUAL,
        "string_variable": EQUAL,
        "odd_variables": EQUAL,
        "checkpoint_steps": EQUAL,
        "swapped_variables": EQUAL,
    },
    "Python values of callbacks": {
        "callback_containers": EQUAL,
        "callback_dataclass": EQUAL,
        "callback_objects": EQUAL,
        "callback_numpy_generator": EQUAL,
        "callback_random_random": EQUAL,
        "callback_random_state": EQUAL,
        "lr_schedule_object": EQUAL,
        "lambda_closure_list": EQUAL,
        "hard_examples": EQUAL,
        "swap_ema_arrays": EQUAL,
        "snapshot_ensemble": EQUAL,
        "swa": EQUAL,
        "pydataset_hard_weights": EQUAL,
        "curriculum_pydataset": EQUAL,
        "names_of_keras": EQUAL,
        "dataclass_slots": EQUAL,
        "private_slots": EQUAL,
        "local_classes": EQUAL,
        "alias_array": EQUAL,
        "alias_list": EQUAL,
        "double_buffer": EQUAL,
        "deleted_attribute": EQUAL,
        "own_dicts": EQUAL,
        "user_dict": EQUAL,
        "dataframe_rows": EQUAL,
        "numpy_keys": EQUAL,
        "hostile_objects": EQUAL,
        "decimal_rate": EQUAL,
        "date_schedule": EQUAL,
        "sparse_tensor": EQUAL,
        "sklearn_estimator": EQUAL,
        "queue_of_losses": EQUAL,
        "executor": EQUAL,
        "layer_by_the_way": EQUAL,
    },
    "Python values elsewhere": {
        "eager_counter": EQUAL,
        "replay_buffer": EQUAL,
        "metric_python_list": EQUAL,
        "py_function_counter": EQUAL,
        "class_attribute": EQUAL,
        "module_global": EQUAL,
        "nonlocal_counter": EQUAL,
        "partial_mutable": EQUAL,
        "function_attribute": EQUAL,
        "mutable_default": EQUAL,
        "static_default": EQUAL,
        "tape_metric": EQUAL,
    },
    "Changes to the model or to compile in mid-training": {
        "unfreeze_epoch_begin": EQUAL,
        "unfreeze_epoch_end": EQUAL,
        "fine_tuned_in_phases": EQUAL,
        "recompile_loss": EQUAL,
        "recompile_smoothing": EQUAL,
        "recompile_loss_weights": EQUAL,
        "rate_assigned": EQUAL,
        "schedule_replaced": EQUAL,
        "dropout_rate_eager": EQUAL,
        "dropout_rate_in_graph": EQUAL,
        "batchnorm_frozen": EQUAL,
        "weight_decay_attribute": EQUAL,
    },
    "Random numbers": {
        "vae_seed_generator": EQUAL,
        "gradient_noise": EQUAL,
        "dropout_without_seed": EQUAL,
        "augmentation": EQUAL,
        "recurrent_dropout": EQUAL,
        "numpy_function_noise": EQUAL,
        "global_random_rates": EQUAL,
        "pydataset_random": EQUAL,
        "tf_data_by_epoch": EQUAL,
        "tf_generator_callback": EQUAL,
        "global_generator": EQUAL,
        "from_generator": EQUAL,
    },
    "Models and layers": {
        "mean_teacher_model": EQUAL,
        "sam": EQUAL,
        "wgan_clip": EQUAL,
        "spectral_layer": EQUAL,
        "spectral_own": EQUAL,
        "batchnorm": EQUAL,
        "normalization_adapt": EQUAL,
        "text_vectorization": EQUAL,
        "string_lookup": EQUAL,
        "static_lookup": EQUAL,
        "multi_output": EQUAL,
        "siamese": EQUAL,
        "tied_autoencoder": EQUAL,
        "sample_weights": EQUAL,
        "ddpm": EQUAL,
        "moco": EQUAL,
        "vq_vae": EQUAL,
        "dense_with_range": EQUAL,
        "metric_history": EQUAL,
    },
    "Optimizers": {
        "own_momentum": EQUAL,
        "optimizer_ema": EQUAL,
        "swap_ema_weights": EQUAL,
        "optimizer_accumulation": EQUAL,
        "mixed_float16": EQUAL,
        "mixed_bfloat16": EQUAL,
        "nadam": EQUAL,
        "lion": EQUAL,
        "adafactor": EQUAL,
        "muon": EQUAL,
        "ftrl_clipped": EQUAL,
        "cosine_restarts": EQUAL,
    },
    "Keras's own callbacks": {
        "plateau": EQUAL,
        "early_stopping": EQUAL,
        "scheduler_function": EQUAL,
    },
    "Callbacks that only show or write": {
        "progress_printer": EQUAL,
        "summary_writer": EQUAL,
        "file_writer": EQUAL,
        "lock_and_thread": EQUAL,
        "history_of_times": EQUAL,
        "metric_by_callback": EQUAL,
    },
    "State that is hard to save": {
        "vae_tf_random": NAMED,
        "mutable_hash_table": EQUAL,
        "dense_hash_table": EQUAL,
        "callback_generator": NAMED,
        "callback_cycle": NAMED,
        "callback_reads_file": NAMED,
        "pydataset_hooks": EQUAL,
        "from_generator_unseeded": NAMED,
        "tf_data_shuffled": NAMED,
        "byte_array": NAMED,
        "cached_singleton": NAMED,
    },
}
SAMPLE = ("swap_ema_arrays", "eager_counter", "names_of_keras")  # in make test
PARAMETERS = {"units": 6, "rate": 0.02}  # a space takes of them what its suggest names
# Appended to a copy of a space, so that tests/spaces/cut.py can kill it or let it wait.
WITH_CUT = """

def _with_cut(of_user):
    import cut

    return lambda parameters: [*of_user(parameters), cut.Cut()]


callbacks = _with_cut(globals().get("callbacks") or (lambda parameters: []))
"""
# One after the other, in one experience of 3 epochs of 10 batches, with a backup every 4 batches.
PLACES = [
    {"epoch": 0, "batch": 6},
    {"epoch": 0, "validation": True},
    {"epoch": 0, "end": True},
    {"epoch": 1, "batch": 2, "wait": True},
    {"epoch": 1, "validation": True, "wait": True},
    {"epoch": 1, "end": True, "wait": True},
]
SAVE_FREQ = 4
POLL_S = 0.01
HEARD_S = 0.3  # until a training that waits has heard that it is to stop


def expected():
    """Return the right verdict on each space, by its name."""
    return {name: right for spaces in EXPECTED.values() for name, right in spaces.items()}


def names():
    """Return the names of the spaces in the folder."""
    return sorted(path.stem for path in FOLDER.glob("*.py"))


def title(name):
    """Return what a space is: the first line of its docstring."""
    return ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text())).splitlines()[0]


def markdown():
    """Return the lists of all spaces, by kind of state, as ``docs/zoo.md`` shows them."""
    sections = []
    for kind, spaces in EXPECTED.items():
        entries = [entry(name, right) for name, right in spaces.items()]
        sections.append("\n".join([f"## {kind}", "", *entries]))
    return "\n\n".join(sections) + "\n"


def entry(name, right):
    """Return the line of a list that says what a space is, and whether it resumes exactly."""
    verdict = "" if right == EQUAL else " *(approximate)*"
    text = f"- [{name}](../tests/zoo/{name}.py): {title(name).rstrip('.')}{verdict}"
    return textwrap.fill(
        text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def parameters_of(name):
    """Return what a training of a space is given, without executing the space."""
    for statement in ast.parse((FOLDER / f"{name}.py").read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "FIXED":
            return {**PARAMETERS, **ast.literal_eval(statement.value)}
    raise AssertionError(f"{name}.py has no FIXED")


def copy_with_cut(name, folder):
    """Write the space and ``cut.py`` into a folder, and return the path of the space."""
    shutil.copy(SPACES / "cut.py", folder)
    path = folder / f"{name}.py"
    path.write_text((FOLDER / f"{name}.py").read_text() + WITH_CUT)
    return path


def train_uncut(trainer, name, root):
    """Train a space as its user wrote it, and return its experience."""
    end = trainer(FOLDER / f"{name}.py", root, None, 1000, parameters_of(name))
    assert end.ending == "outcome", end
    experience = only(root)
    assert experience.state() is State.FINISHED, experience.read().outcome
    return experience


def train_cut(trainer, name, folder):
    """Kill or stop a training at each of ``PLACES``, let it end, and return its experience."""
    path, root = copy_with_cut(name, folder), folder / "cut"
    for place in PLACES:
        _train_to(trainer, path, root, place)
        if only(root).state() is State.FAILED:
            break
        assert only(root).state() is State.CUT_OFF
    else:
        trainer(path, root, None, SAVE_FREQ, parameters_of(name))
    return only(root)


def _train_to(trainer, path, root, place):
    over = threading.Event()
    if "wait" in place:
        threading.Thread(target=_stop_once_it_waits, args=(trainer, over)).start()
    try:
        end = trainer(path, root, place, SAVE_FREQ, parameters_of(path.stem))
    except AssertionError:  # it did not come to the place
        if only(root).state() is not State.FAILED:
            raise
        return
    finally:
        over.set()
    assert end.ending == ("stopped" if "wait" in place else "died"), end


def _stop_once_it_waits(trainer, over):
    reached = trainer.order.with_suffix(".reached")
    while not reached.exists():
        if over.wait(POLL_S):
            return
    trainer.stop.set()
    time.sleep(HEARD_S)
    reached.unlink()


def verdict(experience, twin):
    """Return what a cut has done to an experience, and what its record says of that.

    Args:
        experience: was cut.
        twin: was not.

    Returns:
        ``EQUAL``, ``NAMED``, ``SILENT`` where it differs and nothing says so, or ``LOST`` where the
        cut made it fail; and ``approximate_because``, or why it failed.
    """
    record = experience.read()
    if experience.state() is not State.FINISHED:
        return "LOST", record.outcome.reason
    if record.approximate_because:
        return NAMED, record.approximate_because
    has_same_log = experience.log.read_bytes() == twin.log.read_bytes()
    is_equal = has_same_log and best_weights(experience) == best_weights(twin)
    return (EQUAL if is_equal else "SILENT"), None
