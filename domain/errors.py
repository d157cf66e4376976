"""How the domain says no: named errors whose docstring is the message."""

from __future__ import annotations

import inspect
from typing import ClassVar


class DomainError(Exception):
    """The command was refused."""

    field: ClassVar[str | None] = None
    """The command's field that broke the rule, where one field did; `at` overrides it."""

    def __init__(self, *, at: str | None = None, **details: object) -> None:
        self.details = details
        self.at = at if at is not None else type(self).field
        super().__init__(inspect.cleandoc(type(self).__doc__ or "").format(**details))

    @property
    def code(self) -> str:
        """The stable name of the broken rule."""
        return type(self).__name__

    @property
    def message(self) -> str:
        """The rule in words, with the values that broke it."""
        return str(self)


class InvalidInput(DomainError):
    """{field}: {rule}"""

    def __init__(self, field: str, rule: str) -> None:
        self.rule = rule
        super().__init__(at=field, field=field, rule=rule)
