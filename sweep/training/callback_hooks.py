"""Which of Keras's hooks a callback answers to: they decide how many batches go into one call."""

from typing import Any

import keras

Logs = dict[str, Any] | None  # what Keras passes to a callback

BATCH_HOOKS = [
    f"on_{kind}batch_{moment}" for kind in ("", "train_", "test_") for moment in ("begin", "end")
]
TEST_HOOKS = [f"on_test_{moment}" for moment in ("begin", "end", "batch_begin", "batch_end")]


def hears_validation(callback: keras.callbacks.Callback) -> bool:
    """Return whether a callback has a hook that Keras calls during a validation."""
    return _has_hook_of(callback, TEST_HOOKS)


def hears_batches(callback: keras.callbacks.Callback) -> bool:
    """Return whether a callback has a hook that Keras calls for each batch."""
    return _has_hook_of(callback, BATCH_HOOKS)


def _has_hook_of(callback: keras.callbacks.Callback, names: list[str]) -> bool:
    hooks = (getattr(getattr(callback, name), "__func__", None) for name in names)
    return any(
        hook is not getattr(keras.callbacks.Callback, name)
        for hook, name in zip(hooks, names, strict=True)
    )


def is_monitoring(callback: keras.callbacks.Callback) -> bool:
    """Tell whether a callback has decided what is better.

    Keras's own callbacks do so at the end of their first epoch.
    """
    return getattr(callback, "monitor_op", None) is not None
