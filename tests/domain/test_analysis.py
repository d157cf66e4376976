"""The figures by which all customers are judged: published once a version, by default the usual ones."""

from __future__ import annotations

from datetime import date

from domain.analysis import (
    ANALYSES,
    DEFAULT_ANALYSIS,
    AnalysisPolicyAlreadyPublished,
    AnalysisPolicyPublished,
    ClassesOverlap,
    PublishAnalysisPolicy,
)
from domain.errors import InvalidInput
from domain.policies import Policies, evolve
from tests.domain.spec import given

NEW = {"analysis_version": "2026", "effective_from": "2026-01-01"}
PUBLISHED = AnalysisPolicyPublished(analysis_version="2026", effective_from=date(2026, 1, 1), a_percent=70)


def test_what_is_left_out_is_as_usual() -> None:
    given(ANALYSES).when(PublishAnalysisPolicy, **NEW, a_percent=70).then(PUBLISHED)
    assert (PUBLISHED.b_percent, PUBLISHED.kept_percent, PUBLISHED.kept_years) == (95, 50, 5)


def test_a_version_is_published_once() -> None:
    given(ANALYSES, PUBLISHED).when(PublishAnalysisPolicy, **NEW).refused(
        AnalysisPolicyAlreadyPublished, field="analysis_version"
    )
    given(ANALYSES).when(PublishAnalysisPolicy, **NEW | {"analysis_version": "default"}).refused(
        AnalysisPolicyAlreadyPublished, field="analysis_version"
    )


def test_class_b_reaches_further_than_class_a() -> None:
    for a, b in ((80, 80), (96, 95)):
        given(ANALYSES).when(PublishAnalysisPolicy, **NEW, a_percent=a, b_percent=b).refused(
            ClassesOverlap, field="b_percent"
        )
    for wrong in ({"a_percent": 0}, {"b_percent": 101}, {"kept_years": 0}, {"active_days": 0}):
        [field] = wrong
        given(ANALYSES).when(PublishAnalysisPolicy, **NEW | wrong).refused(InvalidInput, field=field)


def test_it_holds_from_its_first_day_on() -> None:
    policies = evolve(Policies(), PUBLISHED)
    assert policies.analysis(date(2025, 12, 31)) is DEFAULT_ANALYSIS
    assert policies.analysis(date(2026, 1, 1)) is PUBLISHED
