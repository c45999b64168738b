"""Put saved values into an object: into a container, an array, a table or an attribute."""

import functools
import sys
import types
from typing import Any

import tensorflow as tf

from sweep.training.state.changes import MISSING
from sweep.training.state.leaf_values import ArrayForm, Form, NotRestorable, Opaque
from sweep.training.state.object_attributes import attribute, function_cells, slots_of
from sweep.training.state.object_parts import table_content
from sweep.training.state.random_state import set_generator_state
from sweep.training.state.saved_objects import SavedObjects

# ``model_settings.py`` restores these, or they follow from other parts.
FOLLOWING = {
    *("class()", "layers()", "variables()", "metrics()", "loss_weights()", "learning_rate()"),
    *("averages()", "state()", "cached()"),
}


def fill_content(thing: Any, kind: str, form: Form, objects: SavedObjects) -> None:
    """Give an object the content that was saved of another process's.

    Args:
        thing: the object.
        kind: its kind of node.
        form: the saved content.
        objects: return the values in it.

    Raises:
        NotRestorable: this process has no such value.
    """
    if kind == "dict":
        _fill_dict(thing, form, objects)
    elif kind in ("list", "set", "deque"):
        _fill_items(thing, objects.forms(form["items"]), objects)
    elif kind == "array":
        thing[...] = objects.value(form, None)
    elif kind == "random":
        set_generator_state(thing, objects.value(form, None))
    elif kind == "frame":
        _fill_frame(thing, form, objects)
    elif kind == "table":
        _fill_table(thing, form, objects)


def set_attribute(thing: Any, name: str, form: Form, objects: SavedObjects) -> None:
    """Set an attribute, a slot or a closed-over variable to a saved value; delete it if MISSING.

    Raises:
        NotRestorable: this process has no such value, or the attribute cannot be set.
    """
    if name in FOLLOWING or is_opaque(form):
        return  # an opaque value is named where it matters
    cells = dict(function_cells(thing)) if isinstance(thing, types.FunctionType) else {}
    current = cells.get(name, attribute(thing, name))
    if isinstance(current, property | staticmethod | classmethod):
        raise NotRestorable
    if form is MISSING:
        _delete_attribute(thing, name)
        return
    value = objects.value(form, current)
    if value is current:
        return
    slot = slots_of(thing.__class__).get(name)
    if name.startswith("<"):
        number = [f"<{variable}>" for variable in thing.__code__.co_freevars].index(name)
        thing.__closure__[number].cell_contents = value
    elif isinstance(thing, type):
        setattr(thing, name, value)
    elif isinstance(thing, types.MethodType | functools.partial):
        raise NotRestorable
    elif slot:
        slot.__set__(thing, value)
    else:
        vars(thing)[name] = value


def is_opaque(form: Form) -> bool:
    """Tell whether a form, of this process or of a saved one, is that of an opaque value."""
    return isinstance(form, Opaque) or (isinstance(form, dict) and "opaque" in form)


def _delete_attribute(thing: Any, name: str) -> None:
    slot = slots_of(thing.__class__).get(name)
    if slot:
        slot.__delete__(thing)
    elif isinstance(thing, type):
        delattr(thing, name)
    else:
        vars(thing).pop(name, None)


def _fill_items(thing: Any, forms: list[Form], objects: SavedObjects) -> None:
    currents = list(thing)
    currents += [None] * (len(forms) - len(currents))
    items = [objects.value(form, now) for form, now in zip(forms, currents, strict=False)]
    if isinstance(thing, list):
        thing[:] = items
    else:
        thing.clear()
        (thing.update if isinstance(thing, set) else thing.extend)(items)


def _fill_dict(thing: Any, form: Form, objects: SavedObjects) -> None:
    current, pairs = dict(thing), []
    keys, values = objects.forms(form["keys"]), objects.forms(form["values"])
    for key_form, value_form in zip(keys, values, strict=True):
        key = objects.value(key_form, None)
        if is_opaque(value_form) and key not in current:
            continue  # it is named where it matters; a writer or a cache is made when it is needed
        pairs.append((key, objects.value(value_form, current.get(key))))
    thing.clear()
    for key, value in pairs:  # ``update`` of a Counter would count them
        thing[key] = value


def _fill_table(table: Any, form: Form, objects: SavedObjects) -> None:
    keys, values = objects.value(form, [None, None])
    present, _ = table_content(table)
    if len(present):
        table.remove(tf.constant(present))
    if len(keys):
        table.insert(keys, values)


def _fill_frame(thing: Any, form: Form, objects: SavedObjects) -> None:
    def series(part: Form) -> Any:
        if isinstance(part, ArrayForm) or "items" not in part:
            return objects.value(part, None)
        items = [objects.value(item, None) for item in objects.forms(part["items"])]
        return pandas.Series(items, dtype=part["dtype"])

    pandas = sys.modules["pandas"]
    frame = pandas.DataFrame({number: series(part) for number, part in enumerate(form["data"])})
    frame.index = pandas.Index(series(form["index"]))
    frame.columns = [objects.value(name, None) for name in objects.forms(form["columns"])]
    thing._update_inplace(frame)  # noqa: SLF001 # else each column would keep its type
