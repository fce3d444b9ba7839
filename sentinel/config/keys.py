"""The schema, key by key: what the loader checks and `sentinel config` prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from msgspec import NODEFAULT, Meta, Struct, structs


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a section.

    annotated  its type as the schema has it, bounds included: what msgspec checks
    bare       the type alone: str, int, float, bool, a Literal, a dict, or a section's Struct
    default    NODEFAULT where the key is required
    """

    name: str
    annotated: Any
    bare: Any
    meta: Meta
    default: Any

    @property
    def required(self) -> bool:
        return self.default is NODEFAULT

    @property
    def section(self) -> type[Struct] | None:
        """The Struct of the table this key names, or None for a plain value."""
        if isinstance(self.bare, type) and issubclass(self.bare, Struct):
            return self.bare
        return None

    @property
    def description(self) -> str:
        return self.meta.description or ""

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of an enumeration; empty for every other type."""
        return get_args(self.bare) if get_origin(self.bare) is Literal else ()

    @property
    def expected(self) -> str:
        """What a value must be, in words: `int from 1 to 60000`, `"text" or "json"`."""
        if self.choices:
            return one_of([f'"{choice}"' for choice in self.choices])
        if get_origin(self.bare) is dict:
            values = get_args(self.bare)[1]
            return "a table" if values is Any else f"a table of {values.__name__}"
        return f"{self.bare.__name__}{_bounds(self.meta)}"


def keys(section: type[Struct]) -> Iterator[Key]:
    """The keys of one section, in the order of the schema."""
    for field in structs.fields(section):
        bare, meta = field.type, Meta()
        if get_origin(field.type) is Annotated:
            bare, meta = get_args(field.type)
        default = field.default
        if field.default_factory is not NODEFAULT:
            default = field.default_factory()
        yield Key(field.encode_name, field.type, bare, meta, default)


def one_of(choices: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    if len(choices) < 2:
        return "".join(choices)
    return f"{', '.join(choices[:-1])} or {choices[-1]}"


def _bounds(meta: Meta) -> str:
    if meta.min_length:
        return ", not empty"
    if meta.ge is not None and meta.le is not None:
        return f" from {meta.ge} to {meta.le}"
    parts = [
        f"{sign} {bound}"
        for sign, bound in ((">", meta.gt), (">=", meta.ge), ("<", meta.lt), ("<=", meta.le))
        if bound is not None
    ]
    return f" {' and '.join(parts)}" if parts else ""
