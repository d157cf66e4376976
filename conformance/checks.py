"""Which tools check Kehu, and what each of them is asked to do.

A check is a folder beside this file, which holds what a tool needs and nothing of Kehu's: the locked versions
(`package-lock.json` or `requirements.lock`) and a script, `check.mjs` or `check.py`. The script finds the
server in `KEHU_URL`, an admin's key in `KEHU_KEY`, the committed schema in `KEHU_SCHEMA` and the folder of
documents in `KEHU_DOCUMENTS`. Its last line is the result in words; it ends with 0 where the tool found
nothing, with 3 where the server does not offer what the tool needs, and with anything else where it failed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from domain.records import Record

HERE = Path(__file__).parent
NPM, PYPI = "package-lock.json", "requirements.lock"


class Check(Record):
    """One tool, and what it does with Kehu."""

    name: str
    tools: tuple[str, ...]
    """The packages whose versions count."""
    does: str
    lacks: str = ""
    """What of the tool or its protocol Kehu does not offer."""

    @property
    def folder(self) -> Path:
        return HERE / self.name

    @property
    def lock(self) -> Path:
        return self.folder / (NPM if (self.folder / NPM).exists() else PYPI)

    @property
    def versions(self) -> str:
        """The tools with their locked versions."""
        text = self.lock.read_text(encoding="utf-8")
        if self.lock.name == NPM:
            locked = {
                name: json.loads(text)["packages"][f"node_modules/{name}"]["version"] for name in self.tools
            }
        else:
            locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))
        return ", ".join(f"{name} {locked[name]}" for name in self.tools)


CHECKS = {
    check.name: check
    for check in (
        Check(
            name="graphql_http",
            tools=("graphql-http",),
            does="all audits of the GraphQL over HTTP draft; a warning counts as a failure",
        ),
        Check(
            name="graphql_inspector",
            tools=("@graphql-inspector/cli",),
            does="`diff` of the committed `schema.graphql` and what the server tells by introspection,"
            " both ways: no change at all",
        ),
        Check(
            name="graphql_ws",
            tools=("graphql-ws",),
            does="its client over `graphql-transport-ws`: query, mutation, subscription from a position,"
            " several at once, faulty documents, pings, a wrong key",
        ),
        Check(
            name="graphql_sse",
            tools=("graphql-sse",),
            does="its client in both modes (distinct connections, single connection): the same conversations",
        ),
        Check(
            name="graphql_codegen",
            tools=("@graphql-codegen/cli", "@graphql-codegen/client-preset", "typescript"),
            does="client preset over `conformance/documents`, `tsc --strict` over a client with these types,"
            " and the client asks the server",
        ),
        Check(
            name="relay_compiler",
            tools=("relay-compiler",),
            does="the same documents, and lists with `@connection` and `@refetchable`, also of a `Node`",
        ),
        Check(
            name="ariadne_codegen",
            tools=("ariadne-codegen", "mypy"),
            does="a Python client of the same documents, `mypy --strict` over it,"
            " and the client asks and follows the server",
        ),
        Check(
            name="graphql_eslint",
            tools=("@graphql-eslint/eslint-plugin", "eslint"),
            does="its sets `schema-recommended` and `schema-relay` over the schema, `operations-recommended`"
            " over the documents",
            lacks="its rules against `customerId` beside `id`, against plain lists and `nodes`, against names"
            " as Relay wants them; events are no `Node`",
        ),
        Check(
            name="schemathesis",
            tools=("schemathesis",),
            does="ten calls of each query and mutation, from the schema: no answer with 5xx or `INTERNAL`",
        ),
    )
}
