"""What customers think: surveys that are designed, issued to a customer, answered, or run out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, assert_never

import msgspec

from domain.calendar import earliest_day
from domain.commands import Command, Id, Name, Named, Text
from domain.customers import require_served
from domain.decider import Boundary, Decider, carry
from domain.errors import DomainError
from domain.events import Event, Personal, event
from domain.records import Record

Weight = Annotated[float, msgspec.Meta(gt=0, le=1_000)]
Points = Annotated[int, msgspec.Meta(ge=0, le=100)]


class SurveyKind(StrEnum):
    """What a survey measures; the score of each kind is computed as its own literature says."""

    CSAT = "csat"
    """Customer satisfaction: the share of the two best answers (top-two-box)."""
    NPS = "nps"
    """Net Promoter Score (Reichheld, 2003): 9–10 promote, 0–6 detract, in percentage points."""
    CES = "ces"
    """Customer Effort Score (Dixon, Freeman, Toman, 2010): the mean of the answers."""
    SERVQUAL = "servqual"
    """Service quality (Parasuraman, Zeithaml, Berry, 1988): 22 pairs of expectation and perception."""
    TREE = "tree"
    """A weighted tree of services and their parts (满意度树), such as eight with 27 parts."""
    ACSI = "acsi"
    """American Customer Satisfaction Index: three weighted answers from 1 to 10."""
    CARD = "card"
    """A feedback card (征询卡): free words, sorted by theme."""


class Rater(StrEnum):
    """The five dimensions of service quality (RATER)."""

    RELIABILITY = "reliability"
    ASSURANCE = "assurance"
    TANGIBLES = "tangibles"
    EMPATHY = "empathy"
    RESPONSIVENESS = "responsiveness"


class Question(Record):
    """One question of a survey."""

    question_id: Id
    """Its name in the survey."""
    text: Name
    """What is asked."""
    dimension: Rater | None = None
    """Of SERVQUAL: which dimension it belongs to."""
    service: Name | None = None
    """Of a tree: the branch it belongs to, one of the services."""
    weight: Weight = 1.0
    """How much it counts within its dimension or branch."""
    branch_weight: Weight = 1.0
    """How much its dimension or branch counts in the whole; alike for all questions of one branch."""


class AnswerGiven(Record):
    """What a customer answered to one question."""

    question_id: Id
    """Which question."""
    score: Points
    """What was perceived, in the survey's scale."""
    expectation: Points | None = None
    """What was expected, in the same scale, where the survey asks for it."""


def survey_tag(survey_id: str) -> str:
    """The design of a survey bears it."""
    return f"survey:{survey_id}"


# --- Events: the stored names are a contract ------------------------------------------------------


@event("SurveyDesigned")
class SurveyDesigned(Event):
    survey_id: str
    kind: SurveyKind
    variant: str
    title: str
    lowest: int
    highest: int
    questions: tuple[Question, ...]

    @property
    def tags(self) -> tuple[str, ...]:
        return (survey_tag(self.survey_id),)


@event("SurveyIssued")
class SurveyIssued(Event):
    issue_id: str
    survey_id: str
    customer_id: str
    good_through: date | None = None
    sampled: bool = False
    complaint_id: str | None = None


@event("ResponseRecorded")
class ResponseRecorded(Event):
    issue_id: str
    answers: tuple[AnswerGiven, ...]
    text: Personal[str | None] = None
    themes: tuple[str, ...] = ()


@event("SurveyExpired")
class SurveyExpired(Event):
    issue_id: str


# --- Surveys are designed -------------------------------------------------------------------------


class DesignSurvey(Command):
    """Set down a survey (满意度): kind, variant, scale and questions; a new variant is a new survey."""

    survey_id: Id
    """Which survey; chosen by whoever designs it."""
    kind: SurveyKind
    """What it measures."""
    variant: Name
    """The variant of the method, such as `0-10, would recommend` or `CES 2.0`; scores tell it."""
    title: Name
    """What it is called."""
    lowest: Points
    """The worst answer of the scale."""
    highest: Points
    """The best answer of the scale."""
    questions: Annotated[tuple[Question, ...], msgspec.Meta(min_length=1, max_length=100)]
    """What is asked."""


class SurveyAlreadyDesigned(DomainError):
    """Survey {survey_id} exists; design the new one under another id."""

    field = "survey_id"


class ScaleInvalid(DomainError):
    """The best answer of the scale, {highest}, must lie above the worst, {lowest}."""

    field = "highest"


class QuestionTwice(DomainError):
    """The question {question} is there twice."""

    field = "questions"


class Design(Record):
    """The design that answers must fit; nothing until it is there."""

    lowest: int = 0
    highest: int = -1
    questions: frozenset[str] = frozenset()


def evolve_design(state: Design, happened: SurveyDesigned) -> Design:
    asked = frozenset(question.question_id for question in happened.questions)
    return Design(lowest=happened.lowest, highest=happened.highest, questions=asked)


def design(state: Design, command: DesignSurvey) -> Sequence[SurveyDesigned]:
    if state.questions:
        raise SurveyAlreadyDesigned(survey_id=command.survey_id)
    if command.highest <= command.lowest:
        raise ScaleInvalid(highest=command.highest, lowest=command.lowest)
    ids = [question.question_id for question in command.questions]
    if twice := next((id for id in ids if ids.count(id) > 1), None):
        raise QuestionTwice(question=twice)
    return [carry(SurveyDesigned, command)]


SURVEYS = Decider(
    name="survey",
    id_field="survey_id",
    initial=Design(),
    evolve=evolve_design,
    decide=design,
    commands=(DesignSurvey,),
)


# --- and issued to customers ----------------------------------------------------------------------


class IssueSurvey(Command):
    """Hand a survey to a customer, or draw the customer into a sample."""

    names = (Named(field="complaint_id", noun="complaint", theirs=True),)
    issue_id: Id
    """Which issue; chosen by whoever hands it out."""
    survey_id: Id
    """Which survey."""
    customer_id: Id
    good_through: date | None = None
    """The last day on which an answer counts; for ever, where it is left out."""
    sampled: bool = False
    """The customer was drawn at random, so that the answers stand for all (抽样回访)."""
    complaint_id: Id | None = None
    """The complaint whose handling it asks about."""


class RecordResponse(Command):
    """Record what the customer answered."""

    issue_id: Id
    """Which issue."""
    survey_id: Id
    """The survey that was issued: its scale and its questions bind the answers."""
    answers: Annotated[tuple[AnswerGiven, ...], msgspec.Meta(max_length=100)]
    """The answers, at most one a question."""
    text: Text | None = None
    """What was said besides."""
    themes: Annotated[tuple[Name, ...], msgspec.Meta(max_length=20)] = ()
    """The themes of what was said."""


class ExpireSurvey(Command):
    """Give up on an answer."""

    issue_id: Id
    """Which issue."""


class SurveyUnknown(DomainError):
    """There is no survey {survey_id}; design it first."""

    field = "survey_id"


class SurveyNotIssued(DomainError):
    """Survey issue {issue_id} was not handed out for survey {survey_id}."""

    field = "issue_id"


class SurveyAlreadyIssued(DomainError):
    """Survey issue {issue_id} exists; choose another id for a new one."""

    field = "issue_id"


class SurveyIsOver(DomainError):
    """Survey issue {issue_id} was answered or has run out."""

    field = "issue_id"


class AnswerDoesNotFit(DomainError):
    """The answer to {question} does not fit: {rule}"""

    field = "answers"


class Issue(Record):
    """What has become of one issue of a survey."""

    issue_id: str | None = None
    customer_id: str | None = None
    survey_id: str = ""
    good_through: date | None = None
    over: bool = False


IssueEvent = SurveyIssued | ResponseRecorded | SurveyExpired
IssueCommand = IssueSurvey | RecordResponse | ExpireSurvey


def evolve(state: Issue, happened: IssueEvent) -> Issue:
    match happened:
        case SurveyIssued():
            return Issue(
                issue_id=happened.issue_id,
                customer_id=happened.customer_id,
                survey_id=happened.survey_id,
                good_through=happened.good_through,
            )
        case ResponseRecorded() | SurveyExpired():
            return msgspec.structs.replace(state, over=True)
        case _:
            assert_never(happened)


def decide(state: Issue, command: IssueCommand, designs: Mapping[str, Design]) -> Sequence[IssueEvent]:
    match command:
        case IssueSurvey():
            if state.issue_id is not None:
                raise SurveyAlreadyIssued(issue_id=command.issue_id)
            if not designs[survey_tag(command.survey_id)].questions:
                raise SurveyUnknown(survey_id=command.survey_id)
            return [carry(SurveyIssued, command)]
        case RecordResponse(survey_id=survey_id):
            if state.survey_id != survey_id:
                raise SurveyNotIssued(issue_id=command.issue_id, survey_id=survey_id)
            day = earliest_day(command.occurred_at)
            if state.over or (state.good_through is not None and day > state.good_through):
                raise SurveyIsOver(issue_id=command.issue_id)
            _require_fitting(designs[survey_tag(survey_id)], command.answers)
            return [carry(ResponseRecorded, command)]
        case ExpireSurvey():
            if state.issue_id is None:
                raise SurveyNotIssued(issue_id=command.issue_id, survey_id="any")
            if state.over:
                raise SurveyIsOver(issue_id=command.issue_id)
            return [carry(SurveyExpired, command)]
        case _:
            assert_never(command)


def _require_fitting(design: Design, answers: Sequence[AnswerGiven]) -> None:
    answered: set[str] = set()
    for number, answer in enumerate(answers):
        at, question = f"answers[{number}]", answer.question_id
        if question not in design.questions:
            raise AnswerDoesNotFit(at=at, question=question, rule="the survey does not ask it")
        if question in answered:
            raise AnswerDoesNotFit(at=at, question=question, rule="it is answered twice")
        for score in (answer.score, answer.expectation):
            if score is not None and not design.lowest <= score <= design.highest:
                rule = f"{score} is not in the scale from {design.lowest} to {design.highest}"
                raise AnswerDoesNotFit(at=at, question=question, rule=rule)
        answered.add(question)


def _design(state: Issue, command: IssueCommand) -> Sequence[str]:
    return () if isinstance(command, ExpireSurvey) else (survey_tag(command.survey_id),)


SURVEY_ISSUES = Decider(
    name="survey_issue",
    id_field="issue_id",
    initial=Issue(),
    evolve=evolve,
    decide=decide,
    commands=(IssueSurvey, RecordResponse, ExpireSurvey),
    begins=(IssueSurvey,),
    guard=require_served,
    boundary=Boundary(initial=Design(), evolve=evolve_design, tags=_design, foreign=True),
)
