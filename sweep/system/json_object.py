"""An object of a JSON file as a dataclass that is written back byte for byte."""

import functools
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, ClassVar, Self


@dataclass(kw_only=True)
class JsonObject:
    """The base of a dataclass that is stored as an object of a JSON file.

    Older versions of sweep left keys out, and newer ones may write more. So an object keeps the
    content that it was read from, and ``as_content`` returns the same keys in the same order. The
    key of a field that was not read is added only once the field has another value than its
    default.

    ``WRITTEN_AS_NULL`` names the fields whose None is written as null; any other None removes the
    key. ``PARTS`` has the class of each field that is itself a ``JsonObject``.
    """

    WRITTEN_AS_NULL: ClassVar[frozenset[str]] = frozenset()
    PARTS: ClassVar[dict[str, type["JsonObject"]]] = {}

    read_from: dict[str, Any] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> Self:
        """Return the object that this content, of any version, describes."""
        kind: Any = cls
        names = _names_of(kind)
        values = {name: value for name, value in content.items() if name in names}
        for name, part in cls.PARTS.items():
            if values.get(name) is not None:
                values[name] = part.from_content(values[name])
        return cls(**values, read_from=content)

    def as_content(self) -> dict[str, Any]:
        """Return the content that the JSON file holds for this object."""
        content = dict(self.read_from or {})
        for stored in _stored_fields(type(self)):
            name, value = stored.name, getattr(self, stored.name)
            if self.read_from is not None and name not in content and value == _default(stored):
                continue
            if value is not None:
                content[name] = value.as_content() if name in self.PARTS else value
            elif name in self.WRITTEN_AS_NULL:
                content[name] = None
            elif content.get(name) is not None:
                del content[name]
        return content

    def changed(self, **content: Any) -> Self:
        """Return a copy with these values; a key that was not there is added at the end."""
        return self.from_content({**self.as_content(), **content})


@functools.cache  # ten thousand records are read at once
def _names_of(kind: Any) -> frozenset[str]:
    return frozenset(stored.name for stored in _stored_fields(kind))


def _stored_fields(kind: type[JsonObject]) -> list[Field[Any]]:
    return [stored for stored in fields(kind) if stored.name != "read_from"]


def _default(stored: Field[Any]) -> Any:
    return stored.default if stored.default_factory is MISSING else stored.default_factory()
