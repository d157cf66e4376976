"""In which language people read labels and messages: English, or Chinese by `Accept-Language: zh`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from enum import Enum, StrEnum
from functools import lru_cache
from typing import Any

from starlette.requests import HTTPConnection

from api import chinese
from domain.errors import DomainError, InvalidInput

CAPITALS = frozenset({"SMS", "VIP", "CSAT", "NPS", "CES", "SERVQUAL", "ACSI", "A", "B", "C"})
"""Names that stay in capitals."""
HEADERS = 200
"""Different values of a header that are read once."""


class Language(StrEnum):
    """A language in which labels and messages are told."""

    EN = "en"
    """English"""
    ZH = "zh"
    """Chinese (中文)"""


def language_of(request: HTTPConnection) -> Language:
    """The one that the client likes best of those we have (RFC 9110, 12.5.4); English where it takes none."""
    return _liked_best(request.headers.get("accept-language", ""))


@lru_cache(HEADERS)
def _liked_best(accepted: str) -> Language:
    liked: dict[Language, float] = {}
    for part in accepted.lower().split(","):
        tag, _, parameters = part.strip().partition(";")
        weight = re.fullmatch(r"\s*q=(0(\.\d{1,3})?|1(\.0{1,3})?)\s*", parameters)
        for language in Language:
            if tag == language or tag.startswith(f"{language}-"):
                q = float(weight[1]) if weight else 1.0
                liked[language] = max(liked.get(language, 0.0), q)
    best = max(liked, key=lambda language: liked[language], default=Language.EN)
    return best if liked.get(best, 0.0) > 0 else Language.EN


def message(error: DomainError, language: Language, field: str | None) -> str:
    """The broken rule in words, with the values that broke it, of a field as the input calls it."""
    values = {name: _value(name, value, language) for name, value in error.details.items()}
    if isinstance(error, InvalidInput):
        values["field"] = field
    template = worded(error.code, language) or inspect.cleandoc(type(error).__doc__ or "")
    return template.format(**values)


def worded(code: str, language: Language) -> str | None:
    """The template of a rule, where the language has one of its own."""
    return chinese.RULES.get(code) if language is Language.ZH else None


def rule(text: str, language: Language) -> str:
    """The rule of a single field."""
    if language is Language.ZH:
        for pattern, words in chinese.INPUT.items():
            if match := re.fullmatch(pattern, text, re.DOTALL):
                return match.expand(words)
    return text


def told_in(language: Language, answer: dict[str, Any]) -> dict[str, Any]:
    """An answer whose top-level errors begin with their code's words; the code itself stays as it is."""
    if language is Language.EN or "errors" not in answer:
        return answer
    return answer | {"errors": [_told(error) for error in answer["errors"]]}


def _told(error: Mapping[str, Any]) -> dict[str, Any]:
    words = chinese.CODES.get(error.get("extensions", {}).get("code", ""))
    return {**error, "message": f"{words}：{error['message']}" if words else error["message"]}


def _value(name: str, value: Any, language: Language) -> Any:
    """A value of a rule, as the language calls it."""
    if language is Language.EN:
        return value
    if isinstance(value, Enum):
        return label(type(value).__name__, value.name, language)
    if name == "rule":
        return rule(str(value), language)
    if name in ("noun", "step", "allowed"):
        return "或".join(chinese.WORDS.get(word, word) for word in str(value).split(" or "))
    return value


def label(kind: str, name: str, language: Language) -> str:
    """What people read for an enum's value, by their names in GraphQL."""
    if language is Language.ZH:
        words = chinese.ENUMS.get(kind, {}).get(name)
        if words is not None:
            return words
    return name if name in CAPITALS else name.replace("_", " ").lower()
