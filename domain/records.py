"""What a record is: a value with named fields that never changes; events, commands and states are records."""

from __future__ import annotations

from typing import Any, dataclass_transform

import msgspec


class RecordMeta(msgspec.StructMeta):
    """Makes every subclass frozen and keyword-only; `msgspec` alone does not hand the latter down.

    Values that never change hold no circles, so the garbage collector need not look at them.
    """

    def __new__(
        mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **config: Any
    ) -> RecordMeta:
        return super().__new__(
            mcls, name, bases, namespace, **{"frozen": True, "kw_only": True, "gc": False} | config
        )


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Record(msgspec.Struct, metaclass=RecordMeta, frozen=True, kw_only=True):
    """A value with named fields, compared by them."""
