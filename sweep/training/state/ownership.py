"""Whose code it is: the user's own, whose state counts, or that of Python and of packages."""

import functools
import io
import sys
import types
from typing import Any

import numpy as np
import tensorflow as tf

from sweep.system.installed import is_of_python

# Packages whose objects only show, write or measure, or cannot change: no training depends on them.
HARMLESS = {
    *("tqdm", "rich", "logging", "logger", "matplotlib", "tensorboard", "wandb", "mlflow"),
    *("io", "_io", "csv", "_csv", "h5py", "tempfile", "pathlib", "subprocess", "socket"),
    *("threading", "_thread", "_queue", "concurrent", "multiprocessing"),
    *("contextlib", "contextvars", "datetime", "time", "zoneinfo", "re", "weakref"),
    *("typing", "enum", "abc", "functools", "operator"),
    *("sweep", "keras", "tensorflow", "optuna"),
}
AUTOGRAPH_MODULE = "__autograph_generated_file"  # TensorFlow makes such modules of traced functions
CODE = (type, types.FunctionType, types.BuiltinFunctionType, np.ufunc)
# Packages that only compute: their functions and classes are saved by name.
SAVED_BY_NAME = ("math", "operator", "numpy", "keras", "tensorflow")


@functools.cache
def is_of_user(module: str) -> bool:
    """Tell whether a module is the user's own: not of Python, an installed package or sweep."""
    package = module.partition(".")[0]
    if package in {"builtins", "__main__", "__mp_main__", "sweep", *sys.stdlib_module_names}:
        return False
    if module.startswith(AUTOGRAPH_MODULE):
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    return file is not None and not is_of_python(file)


def user_modules() -> dict[str, types.ModuleType]:
    """Return the imported modules of the user's own code, by name."""
    return {name: sys.modules[name] for name in sorted(filter(is_of_user, list(sys.modules)))}


def full_name(code: Any) -> str:
    """Return the full name of a class or function; some functions of NumPy have no module."""
    module = getattr(code, "__module__", None) or "numpy"
    return f"{module}.{getattr(code, '__qualname__', code.__name__)}"


def code_named(name: str) -> Any:
    """Return the function or class of a full name, of a package that only computes; else None."""
    module, _, last = name.rpartition(".")
    if name.partition(".")[0] not in SAVED_BY_NAME:
        return None
    return getattr(sys.modules.get(module), last, None)


def is_harmless(value: Any) -> bool:
    """Tell whether no training depends on the content of an opaque value."""
    if isinstance(value, types.ModuleType | np.dtype):
        return True
    if isinstance(value, CODE):
        return str(getattr(value, "__module__", None)).partition(".")[0] in HARMLESS
    if isinstance(value, np.memmap):
        return True
    if isinstance(value, tf.Tensor) and hasattr(value, "numpy"):
        return False
    package = type(value).__module__.partition(".")[0]
    is_read = hasattr(value, "__next__") and not is_only_written(value)
    return package in HARMLESS and not (is_read and package in ("tensorflow", "keras", "io", "_io"))


def is_only_written(value: Any) -> bool:
    """Tell whether a value is a file that is only written, or closed."""
    return isinstance(value, io.IOBase) and (value.closed or not value.readable())
