"""Who may see and do what: one table by role, denied where it is silent, applied alike on every path."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from graphql import GraphQLError

from api.callers import Caller
from api.errors import refused
from domain.events import Event, encode, personal_fields
from domain.files import FileRole
from domain.roles import Role
from infra.views.conditions import All, Not, Rows, Some, Test, Where, Within
from infra.views.reader import Sight
from infra.views.tables import Table
from projections.view import Declaration, Field


class Right(StrEnum):
    """How much of something a role has."""

    NONE = "none"
    OWN = "own"
    """What is about the customers whose owner is the caller, or in whose file they have a role, today,
    whichever moment is asked for. Of commands a file role gives those in `FILE_RIGHTS`."""
    MASKED = "masked"
    """Everything, without what can tell who a person is, or what one said."""
    ALL = "all"


Rights = Mapping[Role, Right]


def _rights(words: str) -> Rights:
    return dict(zip(Role, map(Right, words.split()), strict=True))


# fmt: off
#                         agent    manager  auditor  analyst  admin
_OF_CUSTOMERS  = _rights("own      all      all      masked   all ")
_IDENTITIES    = _rights("own      all      all      none     all ")
_INNERMOST     = _rights("none     all      all      none     all ")
_PUBLISHED     = _rights("all      all      all      all      all ")
_STATISTICS    = _rights("none     all      all      all      all ")
_ANALYSTS      = _rights("none     none     none     masked   all ")
_BEGINNING     = _rights("all      all      none     none     all ")
_CORE_DATA     = _rights("own      all      none     none     all ")
_EXTRA_DATA    = _rights("own      all      none     none     all ")
_SERVICE       = _rights("own      all      none     none     all ")
_OVERSIGHT     = _rights("none     all      none     none     all ")
_ADMINISTERING = _rights("none     none     none     none     all ")
_KEHU_ALONE    = _rights("none     none     none     none     none")
# fmt: on

VIEWS: Mapping[str, Rights] = {
    **dict.fromkeys(
        [
            *("cohort_months", "complaint_rates", "pareto_points", "costs", "quality_scores", "measures"),
            *("campaigns", "crises", "incidents", "rival_observations", "leads", "messages"),
            "bulk_reads",
        ],
        _STATISTICS,
    ),
    **dict.fromkeys(
        [
            *("customers", "customer_values", "customer_classes", "classifications", "timeline", "spendings"),
            *("orders", "order_products", "price_agreements", "customer_shares", "opportunities"),
            *("interactions", "article_uses", "commitments", "visits", "subscriptions", "cares", "tellings"),
            *("complaints", "complaint_steps", "yellow_cards", "claims", "win_back_offers", "departures"),
            *("points_accounts", "points_transactions", "survey_issues", "survey_answers"),
            *("campaign_guests", "group_members", "file_roles", "profile_changes", "profile_facts"),
            *("basic_entries", "customer_extras", "consents", "account_reviews"),
        ],
        _OF_CUSTOMERS,
    ),
    **dict.fromkeys(["contact_points", "identifiers", "important_entries"], _IDENTITIES),
    **dict.fromkeys(
        [
            *("core_entries", "process_entries", "screening_rulings", "customer_aliases", "file_loans"),
            "personal_data_reads",
        ],
        _INNERMOST,
    ),
    "screening_lists": _OVERSIGHT,
    **dict.fromkeys(
        [
            *("tier_policies", "service_policies", "value_policies", "lifetime_models", "ended_days"),
            *("calendars", "complaint_deadlines", "promise_standards"),
            *("staff", "extra_fields", "surveys", "survey_questions", "articles", "announcements"),
        ],
        _PUBLISHED,
    ),
}
"""A view whose key is personal cannot be masked: its rows would still be told apart by it."""
OTHER_VIEWS = _ANALYSTS
"""Of views that are not listed: those that analysts load."""

REPORTS: Mapping[str, Rights] = {
    **dict.fromkeys(
        [
            *("abc_distribution", "complaint_statistics", "pareto_reached", "preview_tier_policy"),
            *("tier_distribution", "class_distribution", "sales_funnel", "order_cycle", "service_kpis"),
            *("promise_statistics", "campaign_effects", "article_success", "complaint_bursts"),
            *("recovery_effects", "measure_effects", "supervision", "survey_scores", "servqual_gaps"),
            *("satisfaction_tree", "sampled_satisfaction", "feedback_themes", "five_indicators"),
            *("acquisition_cost_ratio", "crm_return", "churn_types", "pareto_curve", "rfm_grid"),
            *("cohort_retention", "complaint_control", "service_levels", "satisfaction_trend"),
            "opportunity_funnel",
        ],
        _STATISTICS,
    ),
    **dict.fromkeys(
        [
            *("operator_notices", "stale_facts", "identifications", "evidence_retention", "risk_grades"),
            *("screening_matches", "single_view", "whole_timeline", "duplicate_candidates", "group_rollup"),
            "group_complaint_rates",
            *("churn_watch", "file_threshold", "lifetime_values", "owner_performance", "win_backs"),
            *("unpaid_orders", "due_visits", "expiring_subscriptions", "care_occasions", "key_account_desk"),
            *("claim_alerts", "routing", "cross_selling", "needs_survey"),
        ],
        _INNERMOST,
    ),
}
"""Reports that name customers, or say what was said, are for nobody who sees only a part, or masks."""
EVENTS = _rights("own all all masked all")
"""Of the log: `eventLog`, the subscription, and the events behind a tier."""
METRICS = _ADMINISTERING
BOUND = {
    role
    for rights in (*VIEWS.values(), *REPORTS.values(), EVENTS)
    for role, has in rights.items()
    if has is Right.OWN
}
"""The roles that see of something only what is about their own customers."""

CORE_DATA = frozenset(
    (
        *("ChangeProfile", "ConfirmProfile", "ClassifyCustomer", "AddContactPoint", "RemoveContactPoint"),
        *("AddIdentifier", "VerifyIdentifier", "RejectIdentifier"),
    )
)
"""What edits the core fields of a file (基本信息): who the customer is, how to reach them, of which kind."""
EXTRA_DATA = frozenset(("SetExtraField", "RecordFileEntry", "StateShare"))
"""What edits the extra fields (附加信息): the tenant's own, and what there is to know besides."""
UPKEEP = frozenset(("StrikeFileEntry", "EndRelationship", "WinBackCustomer", "OfferWinBack"))
"""What takes something out of a file, closes it, or opens it again."""
DAILY_WORK = frozenset(
    (
        *("RecordInteraction", "HandOverInteraction", "ResolveInteraction", "ReopenInteraction"),
        *("PauseInteraction", "ResumeInteraction", "DisputeHandover"),
        *("PlaceOrder", "RecordPurchase", "ReceivePayment", "FulfilOrder", "CancelOrder", "DetailOrder"),
        *("ReceiveComplaint", "AcknowledgeComplaint", "AssessComplaint", "AssignComplaint"),
        *("RecordInvestigation", "OfferRemedy", "AcceptRemedy", "RejectRemedy", "CommunicateDecision"),
        *("VerifySatisfaction", "CloseComplaint", "ReopenComplaint", "EscalateComplaint"),
        *("PauseComplaint", "ResumeComplaint", "EarnPoints", "RedeemPoints"),
        *("GiveConsent", "WithdrawConsent", "GiveCare", "ReviewAccount", "TellCustomer"),
        *("MakeCommitment", "KeepCommitment", "MissCommitment", "PlanVisit", "CompleteVisit", "MissVisit"),
        *("OpenOpportunity", "AdvanceStage", "WinOpportunity", "LoseOpportunity", "AnswerCampaign"),
        *("StartSubscription", "RenewSubscription", "CancelSubscription", "InviteCustomer"),
        *("IssueSurvey", "RecordResponse", "ExpireSurvey", "MakeClaim"),
    )
)
"""What is done with a customer day by day."""

COMMANDS: Mapping[str, Rights] = {
    **dict.fromkeys(["RegisterCustomer"], _BEGINNING),
    **dict.fromkeys(CORE_DATA, _CORE_DATA),
    **dict.fromkeys(EXTRA_DATA, _EXTRA_DATA),
    **dict.fromkeys(UPKEEP | DAILY_WORK, _SERVICE),
    **dict.fromkeys(
        [
            *("CaptureLead", "QualifyLead", "DisqualifyLead", "TakeMessage", "PassMessageOn"),
            *("ObserveRival", "UseArticle", "ReportIncident", "SignIncident"),
        ],
        _BEGINNING,
    ),
    **dict.fromkeys(
        [
            *(
                "AssignOwner",
                "PayRefund",
                "ExpirePoints",
                "AssignFileRole",
                "OverrideImportance",
                "AgreePrice",
            ),
            *("RestrictCustomer", "LiftRestriction", "ApproveOverride", "RuleOnMatch", "AssignParent"),
            *("MergeCustomers", "ReverseMerge", "LendFile", "ReturnFile", "RuleOnHandover"),
            *("IssueYellowCard", "EndorseIncident", "InformExecutives", "EndIncident", "ScoreQuality"),
            *("PlanCampaign", "CloseCampaign", "PublishArticle", "ReviseArticle", "WithdrawArticle"),
            *("DeclareCrisis", "EndCrisis", "PlanMeasure", "FinishMeasure", "CheckMeasure", "KeepMeasure"),
            *("DropMeasure", "DesignSurvey", "PrepareAnnouncement", "MakeAnnouncement", "PayClaim"),
            *("RefuseClaim", "BookCost", "EnterStaff", "ChangeStaff", "NoteStaffLeft"),
        ],
        _OVERSIGHT,
    ),
    **dict.fromkeys(
        [
            *("PublishTierPolicy", "RetireTierPolicy", "PublishAnalysisPolicy"),
            *("PublishDeadlines", "PublishCalendar", "EndDay", "PublishServicePolicy", "PublishValuePolicy"),
            *("DefineExtraField", "LoadScreeningList", "KeepLifetimeModel", "ErasePersonalData"),
            "PublishPromiseStandard",
        ],
        _ADMINISTERING,
    ),
    "LogRead": _KEHU_ALONE,
}
FILE_RIGHTS: Mapping[FileRole, frozenset[str]] = {
    FileRole.CREATOR: CORE_DATA | EXTRA_DATA | DAILY_WORK,
    FileRole.MAINTAINER: CORE_DATA | EXTRA_DATA | UPKEEP,
    FileRole.OPERATOR: EXTRA_DATA | DAILY_WORK,
    FileRole.CONTRIBUTOR: EXTRA_DATA,
    FileRole.CUSTODIAN: CORE_DATA | EXTRA_DATA | UPKEEP | DAILY_WORK,
}
"""Which commands a role in a customer's file gives, of those that agents may give for their own customers.

Each of the roles reads all that the customer's owner reads.
"""
MASK = "***"
"""What stands for a text that must not be null; for any other value null does."""
OWNER_OF, OWNER, LENT, ENTRUSTED = "customers", "owner", "file_loans", "file_roles"
"""The view and the column that say whose a customer is, and the views that say who else reads the file."""


class Subject(NamedTuple):
    """What a part of the schema gives access to."""

    kind: str
    """`view`, `report`, `command`, `events` or `metrics`."""
    name: str = ""


LOG, MEASURED = Subject("events"), Subject("metrics")


def right(caller: Caller, subject: Subject) -> Right:
    """How much of it the caller has; of what counts everybody, who is bound to their own has nothing."""
    granted = _granted(subject)
    if caller.own_only and (granted is _STATISTICS or subject.kind in ("report", "metrics")):
        return Right.NONE
    return granted.get(caller.role, Right.NONE)


def _granted(subject: Subject) -> Rights:
    match subject:
        case Subject("view", name):
            return VIEWS.get(name, OTHER_VIEWS)
        case Subject("report", name):
            return REPORTS.get(name, {})
        case Subject("command", name):
            return COMMANDS.get(name, {})
        case Subject("events", _):
            return EVENTS
        case Subject("metrics", _):
            return METRICS
    return {}


def alike(caller: Caller) -> Hashable:
    """The same for callers to whom all is shown alike."""
    return caller.scope, caller.actor if caller.own_only or caller.role in BOUND else None


def require(caller: Caller, subjects: Iterable[Subject]) -> None:
    """Raises FORBIDDEN where the caller has no right at all to one of them."""
    for subject in sorted(subjects):
        if right(caller, subject) is Right.NONE:
            what = f"{subject.kind} {subject.name}".strip()
            raise _forbidden(f"the role {caller.role} has no access to the {what}")


def names_customers(report: str) -> bool:
    """Whether a report names customers, or says what was said."""
    return REPORTS.get(report) is _INNERMOST


def rules_for(caller: Caller, view: Declaration, table: Callable[[str], Table], owner: Any = None) -> Sight:
    """Which rows of a view the caller sees, and which columns only masked. Raises FORBIDDEN for none.

    `table` gives the table that answers for a view now: whose a customer is, is asked of its live rows.
    What follows depends on the caller's `scope` alone where an `owner` stands for their name.
    """
    has = right(caller, Subject("view", view.name))
    if has is Right.NONE:
        raise _forbidden(f"the role {caller.role} has no access to the view {view.name}")
    owner = caller.actor if owner is None else owner
    where = _theirs(owner, view, table, ()) if has is Right.OWN or caller.own_only else None
    if where is None and has is Right.OWN:
        raise _forbidden(f"the view {view.name} is about no customer")
    masked = {f.name: mask(f) for f in view.fields if f.personal} if has is Right.MASKED else {}
    return Sight(masked=masked) if where is None else Sight(where=where, masked=masked)


def mask(field: Field) -> str | None:
    """What a masked column shows; still valid for its type. Raises FORBIDDEN where nothing would be."""
    if field.optional:
        return None
    if field.type is not str or field.many:
        raise _forbidden(f"the field {field.name} cannot be masked")
    return MASK


def _theirs(
    owner: Any, view: Declaration, table: Callable[[str], Table], seen: tuple[str, ...]
) -> Within | None:
    """The condition of the rows about the caller's own customers, and those whose files they borrow or
    have a role in.

    None where a view is about no customer.
    """
    if view.name == OWNER_OF:
        return _in_reach(view.key[0], owner, table)
    refs = [f for f in view.fields if f.ref and not f.optional and f.ref not in (*seen, view.name)]
    for field in sorted(refs, key=lambda field: field.ref != OWNER_OF):
        if field.ref == OWNER_OF:
            return _in_reach(field.name, owner, table)
        target = table(str(field.ref))
        if inner := _theirs(owner, target.declaration, table, (*seen, view.name)):
            rows = Rows(table=target, column=target.declaration.key[0], where=inner)
            return Within(column=field.name, rows=(rows,))
    return None


def _in_reach(column: str, owner: Any, table: Callable[[str], Table]) -> Within:
    customers, id = table(OWNER_OF), table(OWNER_OF).declaration.key[0]
    owned = Rows(table=customers, column=id, where=Test(column=OWNER, op="eq", value=owner))
    lent = Rows(table=table(LENT), column=id, where=borrowed(owner))
    return Within(
        column=column, rows=(owned, lent, Rows(table=table(ENTRUSTED), column=id, where=entrusted(owner)))
    )


def borrowed(borrower: Any) -> All:
    """The loans that run and let somebody read a customer's file."""
    running = Test(column="running", op="eq", value=True)
    return All(parts=(Test(column="borrower", op="eq", value=borrower), running))


def entrusted(member: Any) -> All:
    """The roles that somebody has in customers' files."""
    held = Test(column="holds", op="eq", value=True)
    return All(parts=(Test(column="member", op="eq", value=member), held))


def require_unmasked(sight: Sight, wanted: Where, order: Iterable[str] = ()) -> None:
    """Raises FORBIDDEN where a condition or an order would tell what a mask hides."""
    if told := sorted((columns_of(wanted) | {*order}) & {*sight.masked}):
        raise _forbidden(f"your role may not filter or sort by {', '.join(told)}")


def columns_of(where: Where) -> set[str]:
    """The columns whose values decide a condition."""
    match where:
        case Test(column=column) | Within(column=column):
            return {column}
        case All(parts=parts) | Some(parts=parts):
            return set().union(*map(columns_of, parts))
        case Not(part=part):
            return columns_of(part)


def shown(caller: Caller, event: Event) -> bytes:
    """An event's own fields as JSON, as the caller may see them."""
    if right(caller, LOG) is not Right.MASKED:
        return encode(event)
    fields = msgspec.to_builtins(event)
    hidden = {name: MASK for name in personal_fields(type(event)) if fields[name] is not None}
    return msgspec.json.encode(fields | hidden)


def _forbidden(rule: str) -> GraphQLError:
    return refused("FORBIDDEN", rule)
