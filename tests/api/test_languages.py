"""Labels and messages in English and Chinese; codes and names stay as they are."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import HTTPConnection

from api.languages import Language, label, language_of, message, rule
from domain.complaints import Severity
from domain.course import MatterNotAtThisStep
from domain.errors import InvalidInput
from domain.tiers import ThresholdRises, Tier
from tests.api.server import Api
from tests.api.test_schema import ENUMS

CHINESE = {"accept-language": "zh-CN,zh;q=0.9,en;q=0.5"}


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
    assert rule("must not be empty", Language.ZH) == "不能为空"
    assert rule("must have at most 120 characters", Language.ZH) == "长度不得大于 120"
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
