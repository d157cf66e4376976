"""Who stands on a screening list and how closely they are looked at; which files may be one person's."""

from __future__ import annotations

from typing import Any

from tests.api.server import Api

SCREENED = """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
  screeningMatches { customerId listId kind entryId matchedBy status }
  riskGrades { customer grade reasons } }"""
DUPLICATES = """query ($at: Int64!, $least: Float) @asOf(at: {atLeast: $at}) {
  duplicateCandidates(least: $least) { customerId otherId reasons score } }"""
PASSPORT = {"kind": "PASSPORT", "value": "P-77"}


async def test_a_name_or_number_on_a_list_matches_until_somebody_rules_on_it(api: Api) -> None:
    for customer, name in (
        ("exposed", "Ann Lee"),
        ("forger", "Bob"),
        ("cheat", "Cy "),
        ("other", "Ann Leeds"),
    ):
        await api.done("registerCustomer", customerId=customer, name=name)
    for customer in ("forger", "other"):
        await api.done("addIdentifier", customerId=customer, **PASSPORT)
    await api.done("rejectIdentifier", customerId="other", **PASSPORT, reason="misread")
    entries = [{"entryId": "1", "name": " ANN LEE "}, {"entryId": "2", "name": "Bob", "value": "p-77"}]
    await api.done("loadScreeningList", listId="pep", kind="EXPOSED", entries=entries)
    await api.done(
        "loadScreeningList", listId="fraud", kind="FRAUD", entries=[{"entryId": "1", "name": "cy"}]
    )
    rule = {"entryId": "1", "reason": "asked"}
    await api.done("ruleOnMatch", customerId="exposed", listId="pep", verdict="CLEARED", **rule)
    at = await api.done("ruleOnMatch", customerId="cheat", listId="fraud", verdict="CONFIRMED", **rule)

    def match(customer: str, of: str, kind: str, entry: str, by: str, status: str) -> dict[str, Any]:
        match = {"customerId": customer, "listId": of, "kind": kind, "entryId": entry}
        return {**match, "matchedBy": by, "status": status}

    screened = await api.ask(SCREENED, at=at)
    assert screened["screeningMatches"] == [
        match("cheat", "fraud", "FRAUD", "1", "name", "confirmed"),
        match("exposed", "pep", "EXPOSED", "1", "name", "cleared"),
        match("forger", "pep", "EXPOSED", "2", "identifier", "open"),
    ]
    assert screened["riskGrades"] == [
        {"customer": "cheat", "grade": "high", "reasons": ["fraud list fraud: confirmed"]},
        {"customer": "forger", "grade": "enhanced", "reasons": ["exposed list pep: open"]},
        {"customer": "exposed", "grade": "normal", "reasons": ["exposed list pep: cleared"]},
    ]


async def test_files_that_are_alike_are_proposed_surest_first_until_they_are_merged(api: Api) -> None:
    born = {"name": "Ann Lee", "birthday": "1980-02-01"}
    await api.done("registerCustomer", customerId="a", **born)
    await api.done("registerCustomer", customerId="b", **born)
    for customer in ("c", "d"):
        await api.done("registerCustomer", customerId=customer, name="Bob", region="north")
    for customer, value in (("a", "+49 30 901820"), ("b", "+4930901820")):
        await api.done("addContactPoint", customerId=customer, kind="PHONE", value=value)
    for customer, value in (("b", "p-77"), ("c", "P-77"), ("d", "P-77")):
        await api.done("addIdentifier", customerId=customer, kind="PASSPORT", value=value)
    at = await api.done("rejectIdentifier", customerId="d", **PASSPORT, reason="misread")

    async def alike(at: int, least: float | None = None) -> list[tuple[str, str, list[str], float]]:
        rows = (await api.ask(DUPLICATES, at=at, least=least))["duplicateCandidates"]
        return [(row["customerId"], row["otherId"], row["reasons"], round(row["score"], 6)) for row in rows]

    passport = ("b", "c", ["same passport"], 0.9)
    person = ("a", "b", ["same name and birthday", "same phone"], 0.88)
    assert await alike(at) == [passport, person]
    assert await alike(at, 0.3) == [passport, person, ("c", "d", ["same name and region"], 0.3)]
    merged = {"mergeId": "m", "customerId": "a", "mergedId": "b", "reason": "same passport"}
    assert await alike(await api.done("mergeCustomers", **merged)) == []
