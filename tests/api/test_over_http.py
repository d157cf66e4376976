"""GraphQL over HTTP as its draft says; what cannot change is cached; ids, figures and lines for operators."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from api.access import Access
from domain.roles import Role
from infra.documents import Documents, digest_of
from tests.api.conftest import BUILT_IN
from tests.api.server import Api, key_of, serving

NEW, OLD = "application/graphql-response+json", "application/json"
FINE, BROKEN, WRONG = "{ __typename }", "{", "{ nothing }"


@pytest.mark.parametrize(
    ("accept", "query", "status", "kind"),
    [
        (NEW, FINE, 200, NEW),
        (NEW, BROKEN, 400, NEW),
        (NEW, WRONG, 400, NEW),
        (OLD, FINE, 200, OLD),
        (OLD, WRONG, 200, OLD),
        ("*/*", FINE, 200, OLD),
        (f"{OLD};q=0.5, {NEW}", FINE, 200, NEW),
        (f"{OLD}, {NEW};q=0.5", FINE, 200, OLD),
        ("text/plain", FINE, 406, OLD),
        (f"{NEW};charset=latin1", FINE, 406, OLD),
        (f"{NEW};q=nonsense", FINE, 406, OLD),
    ],
)
async def test_the_answer_has_the_type_and_status_of_the_draft(
    api: Api, accept: str, query: str, status: int, kind: str
) -> None:
    answer = await api.client.post("/graphql", json={"query": query}, headers={"accept": accept})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith(kind)
    assert ("data" in answer.json()) == (query == FINE and status == 200)


async def test_other_methods_and_charsets_are_refused(api: Api) -> None:
    answer = await api.client.patch("/graphql", json={"query": FINE})
    assert (answer.status_code, answer.headers["allow"]) == (405, "DELETE, GET, POST, PUT")
    kind = {"content-type": f"{OLD}; charset=utf-16"}
    assert (await api.client.post("/graphql", content=b"{}", headers=kind)).status_code == 415


async def test_a_right_that_is_missing_is_told_by_the_status_too(api: Api) -> None:
    headers = {"authorization": f"Bearer {await key_of(api.tenant, Role.AGENT, 'mei')}", "accept": NEW}
    answer = await api.client.post(
        "/graphql", json={"query": "{ tierDistribution { tier } }"}, headers=headers
    )
    assert answer.status_code == 403


async def test_an_answer_that_is_pinned_has_a_tag_and_a_live_one_is_not_kept(api: Api) -> None:
    await api.done("registerCustomer", customerId="1", name="Ada")
    pinned = {"query": "query @asOf(at: {position: 1}) { customers { nodes { name } } }"}
    first = await api.client.get("/graphql", params=pinned)
    again = await api.client.get("/graphql", params=pinned, headers={"if-none-match": first.headers["etag"]})
    live = await api.client.get("/graphql", params={"query": "{ customers { nodes { name } } }"})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert first.headers["cache-control"] == "private, no-cache"
    assert "authorization" in first.headers["vary"]
    assert "etag" not in live.headers
    assert live.headers["cache-control"] == "no-store"


async def test_large_answers_are_compressed(api: Api) -> None:
    query = "{ __schema { types { name description } } }"
    answer = await api.client.post("/graphql", json={"query": query})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json()["data"]


async def test_requests_have_an_id_and_a_line_without_names(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kehu.access")
    async with serving(database, BUILT_IN, Access(logged=True)) as api:
        own = await api.client.post("/graphql", json={"query": FINE}, headers={"x-request-id": "abc-1"})
        bad = await api.client.post("/graphql", json={"query": FINE}, headers={"x-request-id": "a b\\n"})
    assert own.headers["x-request-id"] == "abc-1"
    assert len(bad.headers["x-request-id"]) == 36
    lines: list[dict[str, Any]] = [json.loads(r.message) for r in caplog.records if r.name == "kehu.access"]
    assert set(lines[0]) == {"action", "request", "caller", "status", "ms", "cost"}
    assert (lines[0]["request"], lines[0]["status"], lines[0]["cost"]) == ("abc-1", 200, 1)
    assert lines[0]["caller"].startswith("key:")
    assert "mei" not in caplog.text


async def test_figures_are_for_admins(api: Api) -> None:
    await api.done("registerCustomer", customerId="1")
    text = (await api.client.get("/metrics")).text
    assert "kehu_log_position 1.0" in text
    assert 'kehu_requests_total{status="200"}' in text
    assert 'kehu_view_lag_events{view="customers"}' in text
    assert 'kehu_view_lag_seconds{view="customers"}' in text
    assert 'kehu_view_parked_keys{view="customers"} 0.0' in text
    assert "kehu_commit_commands_sum 1.0" in text
    assert "kehu_commit_seconds_count 1.0" in text
    assert "kehu_commit_queue 0.0" in text
    assert "kehu_subscribers 0.0" in text
    auditor = {"authorization": f"Bearer {await key_of(api.tenant, Role.AUDITOR, 'mei')}"}
    assert (await api.client.get("/metrics", headers=auditor)).status_code == 403


async def test_other_sites_are_let_in_by_name_alone(database: str) -> None:
    asks = {"origin": "https://crm.example", "access-control-request-method": "POST"}
    async with serving(database, BUILT_IN, Access(origins=("https://crm.example",))) as api:
        good = await api.client.options("/graphql", headers=asks)
        bad = await api.client.options("/graphql", headers=asks | {"origin": "https://evil.example"})
    assert good.headers["access-control-allow-origin"] == "https://crm.example"
    assert "access-control-allow-origin" not in bad.headers


async def test_graphiql_opens_with_a_key_that_no_script_can_read(api: Api) -> None:
    key, page = api.key, {"accept": "text/html"}
    del api.client.headers["authorization"], api.client.headers["x-kehu-actor"]
    assert "Your key" in (await api.client.get("/graphql", headers=page)).text
    assert (await api.client.post("/session", data={"key": "kehu_no"})).status_code == 401
    opened = await api.client.post("/session", data={"key": key})
    assert opened.status_code == 303
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "graphiql" in (await api.client.get("/graphql", headers=page)).text.lower()
    done = await api.client.post("/graphql", json={"query": FINE}, headers={"sec-fetch-site": "same-origin"})
    assert done.status_code == 200


# --- Trusted documents ----------------------------------------------------------------------------


async def test_documents_are_asked_for_by_id_and_others_can_be_shut_out(database: str) -> None:
    text = "query Names { customers { totalCount } }"
    async with serving(database, BUILT_IN, Access(trusted_only=True)) as api:
        documents = Documents(api.tenant.pool, "main")
        assert await documents.trust({"names": text}) == 2
        assert await documents.trust({"names": text}) == 0
        digest = digest_of(text)
        for body in (
            {"documentId": "names"},
            {"documentId": f"sha256:{digest}"},
            {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}},
            {"query": text},
        ):
            answer = await api.client.post("/graphql", json=body)
            assert answer.json()["data"] == {"customers": {"totalCount": 0}}, body
        unknown = await api.client.post("/graphql", json={"documentId": "other"})
        assert unknown.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
        assert (await api.error("{ orders { totalCount } }"))["code"] == "DOCUMENT_NOT_TRUSTED"
        async with api.socket() as socket:
            await socket.subscribe("1", "subscription { events { position } }")
            assert "DOCUMENT_NOT_TRUSTED" in json.dumps(await socket.hear())
