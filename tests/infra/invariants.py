"""What no log may show, whoever wrote it: told by its events alone, nothing is decided anew here."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

from tests.infra.judges import JUDGES, Fact

# --- Steps: the names of a stream's events, as a pattern ------------------------------------------

_ORDER = "( PaymentReceived| RefundPaid| OrderDetailed)*"
_CONTACT = "( Interaction(HandedOver|Paused|Resumed)| Handover(Disputed|Ruled))*"
_COMPLAINT = (
    "ComplaintReceived( RemedyOffered|(?<=RemedyOffered) Remedy(Accepted|Rejected)"
    "|(?<!RemedyOffered) DecisionCommunicated|(?<=DecisionCommunicated) SatisfactionVerified"
    "|(?<=SatisfactionVerified) ComplaintClosed( ComplaintReopened|$))*"
)
STEPS: Sequence[tuple[str, str, str]] = (
    ("customer", "CustomerRegistered RelationshipEnded CustomerWonBack PersonalDataErased",
     "CustomerRegistered( RelationshipEnded CustomerWonBack)*( RelationshipEnded)?( PersonalDataErased)?"),
    ("customer", "RestrictionPlaced RestrictionLifted OverrideApproved",
     "((^| )RestrictionPlaced( OverrideApproved)*( RestrictionLifted|$))*"),
    ("merge", "", "CustomersMerged( MergeReversed)?"),
    ("group", "", "ParentAssigned( ParentAssigned)*"),
    ("extra_field", "", "ExtraFieldDefined"),
    ("extras", "", "ExtraFieldSet( ExtraFieldSet)*"),
    ("screening_list", "", "ScreeningListLoaded( ScreeningListLoaded)*"),
    ("file_loan", "", "FileLent( FileReturned)?"),
    ("staff", "", "StaffJoined( StaffChanged)*( StaffLeft)?"),
    ("interaction", "", f"InteractionRecorded ResponsibilityTaken{_CONTACT}"
     f"( InteractionResolved InteractionReopened{_CONTACT})*( InteractionResolved)?"),
    ("interaction", "InteractionPaused InteractionResumed InteractionResolved",
     "((^| )(InteractionPaused( Interaction(Resumed|Resolved)|$)|InteractionResolved))*"),
    ("interaction", "InteractionHandedOver HandoverDisputed HandoverRuled",
     "((^| )InteractionHandedOver( InteractionHandedOver)*"
     "( HandoverDisputed( InteractionHandedOver)*( HandoverRuled|$)|$))*"),
    ("commitment", "", "CommitmentMade( CommitmentKept| CommitmentMissed)?"),
    ("message", "", "MessageTaken( MessagePassedOn)?"),
    ("incident", "", "IncidentReported( IncidentSigned( IncidentEndorsed( ExecutivesInformed)?)?"
     "( IncidentEnded)?)?"),
    ("article", "", "ArticlePublished( ArticleRevised| ArticleUsed)*( ArticleWithdrawn)?"),
    ("lead", "", "LeadCaptured( LeadQualified| LeadDisqualified)?"),
    ("opportunity", "", "OpportunityOpened( StageAdvanced)*( OpportunityWon| OpportunityLost)?"),
    ("order", "", f"OrderPlaced{_ORDER}( OrderFulfilled{_ORDER}"
     "| OrderCancelled( RefundPaid| OrderDetailed)*)?"),
    ("campaign", "", "CampaignPlanned( CampaignClosed)?"),
    ("invitations", "", "CustomerInvited( CustomerInvited| CampaignAnswered)*"),
    ("subscription", "", "SubscriptionStarted( SubscriptionRenewed)*( SubscriptionCancelled)?"),
    ("rival_observation", "", "RivalObserved"),
    ("read", "", "PersonalDataRead"),
    ("complaint", "ComplaintReceived RemedyOffered RemedyAccepted RemedyRejected DecisionCommunicated"
     " SatisfactionVerified ComplaintClosed ComplaintReopened", _COMPLAINT),
    ("complaint", "ComplaintPaused ComplaintResumed DecisionCommunicated",
     "((^| )(ComplaintPaused( ComplaintResumed| DecisionCommunicated|$)|DecisionCommunicated))*"),
    ("complaint", "",
     "(?!.*ComplaintClosed( YellowCardIssued)* (?!YellowCardIssued|ComplaintReopened)).*"),
    ("crisis", "", "CrisisDeclared( CrisisEnded)?"),
    ("measure", "", "MeasurePlanned( MeasureDropped| MeasureDone( MeasureDropped| MeasureChecked"
     "( MeasureKept| MeasureDropped)?)?)?"),
    ("survey", "", "SurveyDesigned"),
    ("survey_issue", "", "SurveyIssued( ResponseRecorded| SurveyExpired)?"),
    ("points", "", "PointsEarned|PointsRedeemed|PointsExpired"),
    ("visit", "", "VisitPlanned( VisitCompleted| VisitMissed)?"),
    ("announcement", "", "AnnouncementPrepared( AnnouncementMade)?"),
    ("claim", "", "ClaimMade( ClaimPaid| ClaimRefused)?"),
    ("quality_score", "", "QualityScored"),
    ("cost", "", "CostBooked"),
    ("tier_policy", "", "TierPolicyPublished( TierPolicyRetired)?"),
    *((f"{kind}", "", r"\w+") for kind in ("lifetime_model", "analysis_policy", "service_policy",
                                            "value_policy", "promise_standard", "deadlines", "calendar")),
)  # fmt: skip
"""Of a category: which events count (all, where none is named), and which order of them is right."""


def out_of_step(history: Iterable[Fact]) -> list[str]:
    """Streams whose events stand in an order that is not right."""
    streams: dict[str, list[str]] = defaultdict(list)
    for happened in history:
        streams[happened.stream].append(happened.name)
    found = []
    for stream, names in streams.items():
        for kind, which, pattern in STEPS:
            counting = " ".join(name for name in names if name in (which.split() or names))
            if kind == stream.partition("-")[0] and not re.fullmatch(pattern, counting):
                found.append(f"{stream} went through {counting}")
    return found


# --- The log itself -------------------------------------------------------------------------------


def out_of_order(history: Sequence[Fact]) -> list[str]:
    """Positions and versions are 1, 2, 3 …, times increase, a command's events stand together, once."""
    found = [f"{h.position} stands at place {n}" for n, h in enumerate(history, 1) if h.position != n]
    found += [
        f"{then.position} was recorded before {first.position}"
        for first, then in pairwise(history)
        if then.recorded_at <= first.recorded_at
    ]
    versions = Counter[str]()
    for happened in history:
        versions[happened.stream] += 1
        if happened.version != versions[happened.stream]:
            found.append(f"{happened.stream} has version {happened.version} at {versions[happened.stream]}")
    runs = [[*run] for _, run in groupby(history, lambda h: h.command_id)]
    for id, times in Counter(run[0].command_id for run in runs).items():
        if times > 1:
            found.append(f"the command {id} was done {times} times")
    return found + [
        f"the command {run[0].command_id} wrote into several streams"
        for run in runs
        if len({happened.stream for happened in run}) > 1
    ]


def faults(history: Sequence[Fact]) -> list[str]:
    """Everything in a log that no log may show."""
    judges = [judge() for judge in JUDGES]
    for happened in history:
        for judge in judges:
            judge.see(happened)
    broken = [fault for judge in judges for fault in judge.faults]
    return [*out_of_order(history), *out_of_step(history), *broken]
