"""Tuples among the parameters: JSON has only lists, so a record says which of them are tuples."""

from collections.abc import Iterable, Iterator
from typing import Any

# The keys and positions that lead to a value inside another.
Place = tuple[str | int, ...]


def places_of_tuples(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the place of each tuple in a value."""
    if isinstance(value, tuple):
        yield place
    for key, item in _items(value):
        yield from places_of_tuples(item, (*place, key))


def with_tuples(value: Any, places: set[Place], place: Place = ()) -> Any:
    """Return a value as JSON gives it, with tuples at these places; other places are ignored."""
    items = {key: with_tuples(item, places, (*place, key)) for key, item in _items(value)}
    if isinstance(value, dict):
        return items
    if isinstance(value, list):
        return (tuple if place in places else list)(items.values())
    return value


def _items(value: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list | tuple) else ()
