"""What customers think, by the formulas of the literature: CSAT, NPS, CES, SERVQUAL, ACSI, a tree."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from domain.calendar import DayEnded
from domain.events import Personal, Recorded
from domain.surveys import (
    Rater,
    ResponseRecorded,
    SurveyDesigned,
    SurveyExpired,
    SurveyIssued,
    SurveyKind,
)
from projections.reckoning import DAYS, OURS, counts, day_of, period
from projections.view import Chart, CustomerId, View, on, ref, report, view


@view("surveys", key="survey_id", indexes=["kind"])
class Survey(View):
    """A survey as it was designed: a new variant is a new survey."""

    survey_id: str
    """The id that clients chose for it."""
    kind: SurveyKind
    """What it measures."""
    variant: str
    """The variant of the method."""
    title: str
    """What it is called."""
    lowest: int
    """The worst answer of the scale."""
    highest: int
    """The best answer of the scale."""
    question_count: int
    """How many questions it has."""

    @on(SurveyDesigned)
    def designed(self, recorded: Recorded[SurveyDesigned]) -> Self:
        e = recorded.event
        return self.but(
            kind=e.kind,
            variant=e.variant,
            title=e.title,
            lowest=e.lowest,
            highest=e.highest,
            question_count=len(e.questions),
        )


@view("survey_questions", key="survey_id question_id")
class SurveyQuestion(View):
    """One question of a survey, and how much it counts."""

    survey_id: Annotated[str, ref("surveys")]
    """Of which survey."""
    question_id: str
    """Its name there."""
    text: str
    """What is asked."""
    dimension: Rater | None
    """Of SERVQUAL: its dimension (RATER)."""
    service: str | None
    """Of a tree: its branch."""
    weight: float
    """How much it counts within its dimension or branch."""
    branch_weight: float
    """How much its dimension or branch counts in the whole."""

    @on(
        SurveyDesigned,
        keys=lambda r: [(r.event.survey_id, question.question_id) for question in r.event.questions],
    )
    def asked(self, recorded: Recorded[SurveyDesigned]) -> Self:
        [q] = [q for q in recorded.event.questions if q.question_id == self.question_id]
        return self.but(
            text=q.text,
            dimension=q.dimension,
            service=q.service,
            weight=q.weight,
            branch_weight=q.branch_weight,
        )


@view("survey_issues", key="issue_id", indexes=["survey_id issued_at", "open"])
class SurveyIssue(View):
    """A survey or card in one customer's hands (征询卡): answered, still open, or run out."""

    issue_id: str
    """The id that clients chose for it."""
    survey_id: Annotated[str, ref("surveys")]
    """Which survey."""
    customer_id: CustomerId
    """Whose hands."""
    complaint_id: Annotated[str | None, ref("complaints")] = None
    """The complaint whose handling it asks about."""
    sampled: bool = False
    """The customer was drawn at random."""
    issued_at: datetime
    """When it was handed out."""
    good_through: date | None = None
    """The last day on which an answer counts."""
    open: bool = True
    """It can still be answered."""
    answered_at: datetime | None = None
    """When it was answered."""
    expired: bool = False
    """It was not answered in time."""
    text: Personal[str | None] = None
    """What was said besides."""
    themes: tuple[str, ...] = ()
    """The themes of what was said."""

    @on(SurveyIssued)
    def issued(self, recorded: Recorded[SurveyIssued]) -> Self:
        e = recorded.event
        return self.but(
            survey_id=e.survey_id,
            customer_id=e.customer_id,
            complaint_id=e.complaint_id,
            sampled=e.sampled,
            issued_at=recorded.occurred_at,
            good_through=e.good_through,
        )

    @on(ResponseRecorded)
    def answered(self, recorded: Recorded[ResponseRecorded]) -> Self:
        e = recorded.event
        return self.but(open=False, answered_at=recorded.occurred_at, text=e.text, themes=e.themes)

    @on(SurveyExpired)
    def given_up(self, recorded: Recorded[SurveyExpired]) -> Self:
        return self.but(open=False, expired=True)

    @on(DayEnded, rows={"open": True})
    def day_ended(self, recorded: Recorded[DayEnded]) -> Self:
        over = self.good_through is not None and self.good_through <= recorded.event.day
        return self.but(open=False, expired=True) if over else self


@view("survey_answers", key="issue_id question_id")
class SurveyAnswer(View):
    """One customer's answer to one question: what was perceived, and what had been expected."""

    issue_id: Annotated[str, ref("survey_issues")]
    """In which issue."""
    question_id: str
    """To which question."""
    score: int
    """What was perceived, in the survey's scale."""
    expectation: int | None = None
    """What had been expected, in the same scale."""

    @on(
        ResponseRecorded,
        keys=lambda r: [(r.event.issue_id, answer.question_id) for answer in r.event.answers],
    )
    def given(self, recorded: Recorded[ResponseRecorded]) -> Self:
        [answer] = [a for a in recorded.event.answers if a.question_id == self.question_id]
        return self.but(score=answer.score, expectation=answer.expectation)


# --- Scores ---------------------------------------------------------------------------------------

ANSWERS = f"""
    answers AS (
        SELECT s.survey_id, s.kind, s.variant, s.title, s.lowest, s.highest, i.sampled, i.answered_at,
               a.question_id, a.score, a.expectation, q.dimension, q.service, q.weight, q.branch_weight
          FROM {{survey_answers}} a JOIN {{survey_issues}} i USING (issue_id)
          JOIN {{surveys}} s USING (survey_id)
          JOIN {{survey_questions}} q ON (q.survey_id, q.question_id) = (s.survey_id, a.question_id)
         WHERE {period("i.answered_at")}
           AND (:survey_id::text IS NULL OR s.survey_id = :survey_id::text))"""
"""SQL for the answers of a period, each with its question's weights."""
SCORE = """
    (CASE a.kind
        WHEN 'csat' THEN 100.0 * count(*) FILTER (WHERE score >= highest - 1) / count(*)
        WHEN 'nps' THEN 100.0 * (count(*) FILTER (WHERE score >= 9) - count(*) FILTER (WHERE score <= 6))
                        / count(*)
        WHEN 'acsi' THEN 100.0 * (sum(weight * score) / sum(weight) - 1) / 9
        ELSE sum(weight * branch_weight * score) / sum(weight * branch_weight) END)::float8"""
"""SQL for the score of a group of `answers a` of one survey, by the formula of its kind."""
READS = ["surveys", "survey_questions", "survey_issues", "survey_answers", *DAYS]


class _Asked(View):
    survey_id: str | None = None
    """One survey; all, where it is left out."""
    since: date | None = None
    """First day of the answers; from the beginning, where it is left out."""
    until: date | None = None
    """Last day of the answers."""


@report(
    "survey_scores",
    reads=READS,
    query=f"""
    WITH {ANSWERS},
    issued AS (
        SELECT survey_id, count(*) AS issued, count(answered_at) AS answered
          FROM {{survey_issues}} i GROUP BY 1)
    SELECT a.survey_id AS survey, a.title, a.kind, a.variant, i.issued, i.answered, count(*) AS answers,
           {SCORE} AS score,
           avg(score - expectation)::float8 AS gap
      FROM answers a JOIN issued i USING (survey_id)
     GROUP BY a.survey_id, a.title, a.kind, a.variant, i.issued, i.answered ORDER BY a.survey_id
    """,
)
class SurveyScore(_Asked):
    """The score of a survey by its kind's own formula (满意度): compare only what has the same variant.

    CSAT: the two best answers, in percent. NPS: 9–10 less 0–6, in percentage points (Reichheld, 2003).
    CES: the mean (Dixon et al., 2010). ACSI: the weighted mean of answers from 1 to 10 on a scale of 0 to
    100 (Fornell et al., 1996). SERVQUAL and the tree: the weighted mean of what was perceived.
    """

    survey: str
    """Which survey."""
    title: str
    """What it is called."""
    kind: SurveyKind
    """What it measures."""
    variant: str
    """The variant of the method."""
    issued: int
    """How many were handed out."""
    answered: int
    """How many came back."""
    answers: int
    """Answers that count here."""
    score: float
    """By the formula of its kind."""
    gap: float | None
    """What was perceived less what had been expected, on average."""


@report(
    "satisfaction_trend",
    reads=READS,
    query=f"""
    WITH {ANSWERS}
    SELECT date_trunc('month', {day_of("a.answered_at")})::date AS month, a.survey_id AS survey, a.title,
           a.kind, a.variant, count(*) AS answers, {SCORE} AS score
      FROM answers a WHERE a.kind = coalesce(:measure::text, 'nps')
     GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2
    """,
    chart=Chart(kind="lines", x="month", y="score", series="survey", unit="by the formula of its kind"),
)
class SatisfactionTrend(_Asked):
    """The score of each survey month by month (满意度趋势): of one kind, NPS where none is named."""

    measure: SurveyKind | None = None
    """The kind of survey; NPS, where it is left out."""

    month: date
    """The month of the answers, by its first day."""
    survey: str
    """Which survey."""
    title: str
    """What it is called."""
    kind: SurveyKind
    """What it measures."""
    variant: str
    """The variant of the method."""
    answers: int
    """Answers that count here."""
    score: float
    """By the formula of its kind; of NPS from -100 to 100."""


@report(
    "servqual_gaps",
    reads=READS,
    query=f"""
    WITH {ANSWERS}
    SELECT coalesce(dimension, 'all') AS dimension, count(*) AS pairs,
           avg(expectation)::float8 AS expectation, avg(score)::float8 AS perception,
           (sum(weight * (score - expectation)) / sum(weight))::float8 AS gap,
           (CASE WHEN GROUPING(dimension) = 0 THEN max(branch_weight)
                 ELSE (SELECT sum(d.weight) FROM (SELECT max(branch_weight) AS weight FROM answers
                        WHERE kind = 'servqual' AND expectation IS NOT NULL GROUP BY dimension) d)
            END)::float8 AS weight,
           (sum(branch_weight * weight * (score - expectation)) / sum(branch_weight * weight))::float8
               AS weighted_gap
      FROM answers WHERE kind = 'servqual' AND expectation IS NOT NULL
     GROUP BY GROUPING SETS ((dimension), ()) HAVING count(*) > 0
     ORDER BY GROUPING(dimension), 1
    """,
    chart=Chart(kind="bars", x="dimension", y="expectation perception", unit="mean answer"),
)
class ServqualGap(_Asked):
    """Perception less expectation by RATER dimension, and for all together (SERVQUAL; PZB, 1988)."""

    dimension: str
    """Reliability, assurance, tangibles, empathy, responsiveness; `all` for the weighted whole."""
    pairs: int
    """Pairs of expectation and perception."""
    expectation: float
    """What was expected, on average."""
    perception: float
    """What was perceived, on average."""
    gap: float
    """Perception − expectation, weighted by question."""
    weight: float
    """How much the dimension counts; of `all`, their sum."""
    weighted_gap: float
    """Weighted by question and dimension."""


@report(
    "satisfaction_tree",
    reads=READS,
    query=f"""
    WITH {ANSWERS},
    leaves AS (
        SELECT service, question_id, weight, branch_weight,
               100.0 * (avg(score) - min(lowest)) / (min(highest) - min(lowest)) AS percent,
               count(*) AS answers
          FROM answers WHERE kind = 'tree' GROUP BY 1, 2, 3, 4),
    branches AS (
        SELECT service, branch_weight, sum(weight * percent) / sum(weight) AS percent, sum(answers) AS answers
          FROM leaves GROUP BY 1, 2)
    SELECT service, question_id AS item, weight::float8, percent::float8, answers::bigint FROM leaves
    UNION ALL SELECT service, '*', branch_weight, percent, answers::bigint FROM branches
    UNION ALL SELECT '*', '*', 1, sum(branch_weight * percent) / sum(branch_weight), sum(answers)::bigint
                FROM branches HAVING count(*) > 0
     ORDER BY 1, 2
    """,
)
class TreePart(_Asked):
    """The weighted tree of satisfaction (满意度树): every item, every service, and the whole."""

    service: str
    """The branch; `*` for the whole."""
    item: str
    """The question; `*` for the branch."""
    weight: float
    """How much it counts one level up."""
    percent: float
    """Satisfaction, 0 (worst answer) to 100 (best)."""
    answers: int
    """Answers behind it."""


@report(
    "sampled_satisfaction",
    reads=READS,
    query=f"""
    WITH {ANSWERS}
    SELECT survey_id AS survey, count(*) AS answers, count(*) FILTER (WHERE score = highest) AS very,
           count(*) FILTER (WHERE score = highest - 1) AS fairly,
           100.0::float8 * count(*) FILTER (WHERE score >= highest - 1) / count(*) AS percent
      FROM answers WHERE sampled GROUP BY 1 ORDER BY 1
    """,
)
class SampledSatisfaction(_Asked):
    """Of the customers who were drawn into a sample: (very + fairly satisfied) ÷ sampled (抽样回访满意率)."""

    survey: str
    """Which survey."""
    answers: int
    """Sampled answers."""
    very: int
    """Very satisfied: the best answer."""
    fairly: int
    """Fairly satisfied: the second best."""
    percent: float
    """In percent: (201 + 14) ÷ 221 is 97.29."""


@report(
    "feedback_themes",
    reads=["survey_issues", "surveys", *DAYS],
    query=f"""
    SELECT theme, count(DISTINCT issue_id) AS cards,
           count(DISTINCT issue_id)::float8 / sum(count(DISTINCT issue_id)) OVER () AS share
      FROM {{survey_issues}} i JOIN {{surveys}} s USING (survey_id) CROSS JOIN LATERAL unnest(i.themes) theme
     WHERE (:survey_id::text IS NULL OR survey_id = :survey_id::text)
       AND {period("i.answered_at")}
     GROUP BY theme ORDER BY cards DESC, theme LIMIT 200
    """,
    chart=Chart(kind="pareto", x="theme", y="cards", unit="cards"),
)
class FeedbackTheme(_Asked):
    """What feedback cards are about (征询卡): at most 200 themes, the most frequent first."""

    theme: str
    """The theme."""
    cards: int
    """Cards that name it."""
    share: float
    """Of all themes named, each once a card, 0 to 1."""


@report(
    "five_indicators",
    reads=[*READS, "customers", "orders", "complaints", "tier_policies"],
    query=f"""
    WITH {ANSWERS},
    period AS (
        SELECT o.customer_id, count(*) AS orders,
               sum(total_minor - refunded_minor) FILTER (WHERE {counts("currency")}) AS spent
          FROM {{orders}} o
         WHERE NOT cancelled AND {period("placed_at")} GROUP BY 1)
    SELECT 100.0::float8 * (SELECT count(*) FILTER (WHERE score >= highest - 1)::float8 / nullif(count(*), 0)
              FROM answers WHERE question_id = 'reputation') AS reputation_percent,
           100.0::float8 * (SELECT count(*) FILTER (WHERE score >= highest - 1)::float8 / nullif(count(*), 0)
              FROM answers WHERE question_id = 'awareness') AS awareness_percent,
           100.0::float8 * (SELECT count(*) FILTER (WHERE orders > 1)::float8 / nullif(count(*), 0)
              FROM period)
               AS return_percent,
           10000.0::float8 * (SELECT count(*) FROM {{complaints}} k
              WHERE {period("received_at")})
              / nullif((SELECT count(*) FROM {{customers}} c WHERE {OURS}), 0) AS complaints_per_10000,
           (SELECT sum(spent)::float8 / nullif(count(*), 0) FROM period) AS selling_power_minor
    """,
)
class FiveIndicators(_Asked):
    """Reputation, awareness, return rate, complaint rate and selling power of a period (五项指标).

    Reputation and awareness are the two best answers to the questions of these names.
    """

    reputation_percent: float | None
    """Of those asked who think well of us."""
    awareness_percent: float | None
    """Of those asked who know us."""
    return_percent: float | None
    """Of those who ordered, who ordered again."""
    complaints_per_10000: float | None
    """Complaints for ten thousand customers whom we had in the period."""
    selling_power_minor: float | None
    """Orders less refunds a buying customer, in minor units of the tier policy's currency."""
