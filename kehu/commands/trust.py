"""`kehu trust`: which GraphQL documents a server answers that answers no others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from infra.documents import Documents, digest_of
from kehu.console import out, write_json
from kehu.failures import USAGE, Failure
from kehu.opening import database, opened
from kehu.options import common
from kehu.settings import Settings
from projections.view import reports, views

PATH = click.Path(exists=True, path_type=Path)
ENDINGS = (".graphql", ".gql")


@click.command("trust")
@click.argument("documents", nargs=-1, required=True, type=PATH)
@common
def trust_command(settings: Settings, documents: tuple[Path, ...], as_json: bool) -> int:
    """Store documents that clients then ask for by id, as `documentId` or `persistedQuery.sha256Hash`.

    DOCUMENTS are directories of .graphql files, such files, or the JSON manifests that relay-compiler,
    graphql-codegen and Apollo write. Each is checked against the schema first; one fault, and none is
    stored. Every document is also known by the SHA-256 of its text.

    \b
    Example:
      kehu trust persisted-documents.json queries/
    """
    told = [document for path in documents for document in documents_in(path)]
    require_valid({place: text for place, _, text in told})
    found = {id: text for _, id, text in told}

    async def store(dsn: str) -> int:
        async with opened(settings, dsn, (), must_exist=settings.tenant != Settings().tenant) as tenant:
            return await Documents(tenant.pool, tenant.name).trust(found)

    with database(settings) as dsn:
        new = asyncio.run(store(dsn))
    if as_json:
        write_json({"documents": sorted(found), "new_ids": new})
    else:
        out().print(f"{len(found)} documents are trusted in tenant {settings.tenant}; {new} ids are new.")
    return 0


def documents_in(path: Path) -> Iterator[tuple[str, str, str]]:
    """Where each stands, its id and its text. Raises `Failure` for a file that holds none."""
    if path.is_dir():
        for inner in sorted(p for ending in ENDINGS for p in path.rglob(f"*{ending}")):
            yield from documents_in(inner)
        return
    text = path.read_text(encoding="utf-8")
    if path.suffix in ENDINGS:
        yield str(path), digest_of(text), text
        return
    try:
        manifest = _entries(json.loads(text))
    except ValueError:
        raise Failure(f"{path}: is not a JSON manifest of documents by id", USAGE) from None
    for id, text in manifest.items():
        yield f"{path}, document {id}", id, text


def _entries(manifest: Any) -> Mapping[str, str]:
    if isinstance(manifest, dict) and isinstance(manifest.get("operations"), list):
        manifest = {entry["id"]: entry["body"] for entry in manifest["operations"]}
    if not isinstance(manifest, dict) or not all(isinstance(text, str) for text in manifest.values()):
        raise ValueError
    return manifest


def require_valid(documents: Mapping[str, str]) -> None:
    """Texts by where they stand. Raises `Failure` for the first one that the schema does not allow."""
    from graphql import GraphQLError, parse, validate

    from api.schema import build_schema

    schema = build_schema(views, reports)._schema
    for place, text in documents.items():
        try:
            faults = validate(schema, parse(text), max_errors=1)
        except GraphQLError as error:
            faults = [error]
        if faults:
            raise Failure(f"{place}: {faults[0].message}; nothing was stored", USAGE)
