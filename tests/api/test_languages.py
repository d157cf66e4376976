"""Labels and messages in English and Chinese: none is forgotten, and codes and names stay as they are."""

from __future__ import annotations

import inspect
import re
import string
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import HTTPConnection

import api
from api import chinese
from api.labels import labelled
from api.languages import Language, label, language_of, message, rule
from api.schema import build_schema
from domain.complaints import Severity
from domain.course import MatterNotAtThisStep
from domain.deciders import DECIDERS
from domain.errors import DomainError, InvalidInput
from domain.tiers import ThresholdRises, Tier
from tests.api.conftest import BUILT_IN, REPORTS
from tests.api.server import Api

ENUMS = labelled(build_schema({view.name: view for view in BUILT_IN}, REPORTS)._schema.type_map)
CHINESE = {"accept-language": "zh-CN,zh;q=0.9,en;q=0.5"}


def errors(of: type[DomainError] = DomainError) -> set[type[DomainError]]:
    """Every rule of the domain that can be broken."""
    met = {error for cls in of.__subclasses__() for error in (cls, *errors(cls))}
    return {error for error in met if error.__module__.startswith("domain.")}


def values_of(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_every_enum_value_has_a_chinese_label() -> None:
    assert {kind.name: set(kind.values) for kind in ENUMS} == {
        name: set(words) for name, words in chinese.ENUMS.items()
    }


def test_the_labels_of_one_enum_differ() -> None:
    for words in chinese.ENUMS.values():
        assert len(set(words.values())) == len(words)


def test_every_rule_has_chinese_words_with_the_same_values() -> None:
    assert {error.__name__ for error in errors()} | {"IdempotencyKeyReused"} == set(chinese.RULES)
    for error in errors():
        assert values_of(inspect.cleandoc(error.__doc__ or "")) == values_of(chinese.RULES[error.__name__])


def test_every_code_has_chinese_words() -> None:
    """Codes are written where requests are refused, and in the tables of errors and of status."""
    written = "\n".join(file.read_text(encoding="utf-8") for file in Path(api.__path__[0]).glob("*.py"))
    found = re.findall(r'(?:refused\(\s*|Unfit\(\s*\d+,\s*|: \(|\bcode": )"([A-Z][A-Z_]+)"', written)
    found += re.findall(r'return "([A-Z]+_[A-Z_]+)"', written)
    assert {"FORBIDDEN", "NOT_REACHED", "RATE_LIMITED", "METHOD_NOT_ALLOWED"} <= {*found}
    assert {*found} <= {*chinese.CODES}


def test_matters_and_their_steps_have_chinese_words() -> None:
    courses = [decider for decider in DECIDERS if decider.decide.__module__ == "domain.course"]
    assert courses
    assert {decider.name.replace("_", " ") for decider in courses} <= {*chinese.WORDS}
    for decider in courses:
        moves = inspect.getclosurevars(decider.decide).nonlocals["by_command"].values()
        assert {step for move in moves for step in (move.to, *move.after)} <= {*chinese.WORDS}


@pytest.mark.parametrize(
    ("said", "language"),
    [
        (None, Language.EN),
        ("", Language.EN),
        ("zh", Language.ZH),
        ("ZH-Hans-CN", Language.ZH),
        ("de, zh;q=0.3, en;q=0.2", Language.ZH),
        ("en, zh;q=0.9", Language.EN),
        ("zh;q=0, *", Language.EN),
        ("fr", Language.EN),
        ("zhuang", Language.EN),
        ("zh;q=often", Language.ZH),
    ],
)
def test_the_client_says_which_language(said: str | None, language: Language) -> None:
    headers = [] if said is None else [(b"accept-language", said.encode())]
    assert language_of(HTTPConnection({"type": "http", "headers": headers})) is language


def test_english_labels_are_plain_words() -> None:
    shown = [label("Category", "SERVICE_ATTITUDE", Language.EN), label("SurveyKind", "NPS", Language.EN)]
    assert shown == ["service attitude", "NPS"]
    assert label("Shade", "DARK_RED", Language.ZH) == "dark red", "an analyst's own enum"


def test_values_of_a_rule_are_told_in_its_language() -> None:
    rises = ThresholdRises(tier=Tier.IRON, better=Tier.GOLD)
    assert message(rises, Language.ZH, None) == "铁质 的规则比更高层级 黄金 的要求还高。"
    assert message(rises, Language.EN, None) == rises.message
    step = MatterNotAtThisStep(noun="file loan", id="l1", step="returned", allowed="lent or lost")
    assert (
        message(step, Language.ZH, "loanId")
        == "档案借阅 l1 的状态是“已归还”；此操作只在“已借出或已失去”时允许。"
    )
    wrong = InvalidInput("total_minor", "expected `int`, got `str`")
    assert message(wrong, Language.ZH, "totalMinor") == "totalMinor：应为 `int`，实为 `str`"
    assert rule("something new", Language.ZH) == "something new"


async def test_errors_and_labels_over_the_api(api: Api) -> None:
    async def say(query: str, **headers: str) -> dict[str, Any]:
        answer = await api.client.post("/graphql", json={"query": query}, headers=headers)
        told: dict[str, Any] = answer.json()
        return told

    wrong = """mutation { done: acknowledgeComplaint(
      input: {complaintId: "王", apology: "x", idempotencyKey: "k"}
    ) { errors { code message field } } }"""
    english, chinese_ = await say(wrong), await say(wrong, **CHINESE)
    [plain], [told] = english["data"]["done"]["errors"], chinese_["data"]["done"]["errors"]
    assert plain["message"] == "There is no complaint 王."
    assert told == plain | {"message": "没有投诉 王。"}

    [error] = (await say("{ nothing }", **CHINESE))["errors"]
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert error["message"].startswith("文档不符合模式：")
    file = await api.client.get("/reports/nothing.csv", headers=CHINESE)
    assert file.json()["errors"][0]["message"].startswith("不存在：")

    query = '{ enumLabels(enums: ["Severity"]) { enum value label } }'
    labels = (await say(query, **CHINESE))["data"]["enumLabels"]
    assert [row["value"] for row in labels] == [severity.name for severity in Severity]
    assert [row["label"] for row in labels] == ["低", "一般", "高", "危急"]
    assert (await say(query))["data"]["enumLabels"][0]["label"] == "low"
    everything = (await say("{ enumLabels(language: ZH) { enum } }"))["data"]["enumLabels"]
    assert {row["enum"] for row in everything} == {kind.name for kind in ENUMS}
