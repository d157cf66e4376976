"""Trusted documents: GraphQL operations that were approved beforehand and are asked for by id."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping

from infra.database import Pool

KEPT = 5_000
"""Documents that are kept in memory; each is the same for ever."""


def digest_of(document: str) -> str:
    """The id that every document has besides the one that its manifest gives it: SHA-256, in hex."""
    return hashlib.sha256(document.encode(errors="surrogatepass")).hexdigest()


class Documents:
    """The trusted documents of one tenant."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool, self._tenant = pool, tenant
        self._known: OrderedDict[str, str] = OrderedDict()

    async def trust(self, documents: Mapping[str, str]) -> int:
        """Trust these documents, each under its id and its digest; how many ids are new or changed."""
        ids = dict(documents) | {digest_of(text): text for text in documents.values()}
        rows = await self._pool.fetch(
            "INSERT INTO kehu.documents AS d (tenant, id, document)"
            " SELECT $1, * FROM unnest($2::text[], $3::text[])"
            " ON CONFLICT (tenant, id) DO UPDATE SET document = excluded.document"
            " WHERE d.document <> excluded.document RETURNING id",
            *(self._tenant, list(ids), list(ids.values())),
        )
        return len(rows)

    async def text(self, id: str) -> str | None:
        """The document with this id."""
        if id not in self._known:
            found = await self._pool.fetchval(
                "SELECT document FROM kehu.documents WHERE tenant = $1 AND id = $2", self._tenant, id
            )
            if found is None:
                return None
            self._known[id] = found
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        return self._known[id]

    async def trusted(self, document: str) -> bool:
        """Whether exactly this text was trusted."""
        return await self.text(digest_of(document)) is not None
