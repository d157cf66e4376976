"""Sealing: what is personal in an event is stored under a key of whom it is about.

That is a customer, or somebody who may become one: a lead. What is about nobody is stored as it is.

An event's stored bytes stay JSON. In front stands `"sealed": "FIELDS:BASE64"`: which fields they are, and 12
bytes of nonce and the cipher text of AES-256-GCM (NIST SP 800-38D) over these fields as JSON, bound to the
event's tenant, stream and version; after it, what may be kept. Who destroys the key erases them, wherever
copies are.
"""

from __future__ import annotations

import base64
import os
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.customers import CUSTOMERS
from domain.erasure import BEFORE_A_FILE
from domain.events import erased, join
from infra.database import Pool
from infra.log.appending import Stored
from infra.log.units import NewEvent, Unit

SEALED = b'{"sealed":"'
"""How the stored bytes begin of which a part is sealed."""
KEPT = 50_000
"""Keys that are kept in memory for writing; reading asks for them every time, since they may be destroyed."""
NONCE, KEY = 12, 32
"""Bytes of each."""

FIND = "SELECT subject, key FROM kehu.subject_keys WHERE tenant = $1 AND subject = ANY ($2)"
MAKE = """
INSERT INTO kehu.subject_keys (tenant, subject, key)
SELECT $1, * FROM unnest($2::text[], $3::bytea[]) ON CONFLICT DO NOTHING
"""

Place = tuple[str, str, int]
"""Tenant, stream and version of an event."""
Keyring = Mapping[str, bytes | None]
"""Keys by their subjects; None: destroyed."""


def subject_of(stream: str, customer_id: str | None) -> str:
    """Under whose key an event is sealed: the customer's stream, or a lead's own; under none, it is empty."""
    if customer_id is not None:
        return CUSTOMERS.stream(customer_id)
    return stream if stream.startswith(BEFORE_A_FILE) else ""


def seal(kept: bytes, personal: bytes, key: bytes | None, place: Place) -> bytes:
    """The stored bytes; where the key was destroyed before, without what is personal."""
    fields = ",".join(_fields_of(personal))
    cipher = b""
    if key is not None:
        nonce = os.urandom(NONCE)
        cipher = nonce + AESGCM(key).encrypt(nonce, personal, _bound(place))
    said = SEALED + fields.encode() + b":" + base64.b64encode(cipher) + b'"}'
    return join(kept, said)


def unseal(name: str, data: bytes, key: bytes | None, place: Place) -> bytes:
    """The bytes as they would be stored if nothing were sealed; without the key, what was erased says so.

    Raises `cryptography.exceptions.InvalidTag` where somebody has changed what was stored.
    """
    if not data.startswith(SEALED):
        return data
    end = data.index(b'"', len(SEALED))
    fields, _, cipher = data[len(SEALED) : end].partition(b":")
    if key is None or not cipher:
        personal = erased(name, fields.decode().split(","))
    else:
        raw = base64.b64decode(cipher)
        personal = AESGCM(key).decrypt(raw[:NONCE], raw[NONCE:], _bound(place))
    return join(b"{" + data[end + 2 :], personal)


_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def _bound(place: Place) -> bytes:
    return msgspec.json.encode(place)


class Keys:
    """The keys of one tenant."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self._pool, self._tenant = pool, tenant
        self._writing: OrderedDict[str, bytes | None] = OrderedDict()

    async def of(self, subjects: Collection[str]) -> Keyring:
        """The keys of these subjects as they are now."""
        rows = await self._pool.fetch(FIND, self._tenant, list(subjects)) if subjects else []
        return {row["subject"]: row["key"] for row in rows}

    async def sealer(self, units: Iterable[Unit]) -> Stored:
        """What makes the stored bytes of these units' events."""
        keys = await self._for_writing(
            {subject_of(e.stream, e.customer_id) for unit in units for e in unit.events if e.personal} - {""}
        )

        def stored(event: NewEvent) -> bytes:
            if event.personal is None:
                return event.data
            subject = subject_of(event.stream, event.customer_id)
            if not subject:
                return join(event.data, event.personal)
            place = self._tenant, event.stream, event.version
            return seal(event.data, event.personal, keys[subject], place)

        return stored

    async def _for_writing(self, subjects: set[str]) -> Keyring:
        """The keys of these subjects; which has none yet gets one.

        One that was destroyed meanwhile may be among them: then nobody can read what it seals.
        """
        keys = {subject: self._writing[subject] for subject in subjects if subject in self._writing}
        if missing := sorted(subjects - keys.keys()):
            found = await self.of(missing)
            if new := [subject for subject in missing if subject not in found]:
                await self._pool.execute(MAKE, self._tenant, new, [os.urandom(KEY) for _ in new])
                found = await self.of(missing)
            keys |= found
            self._keep(found)
        return keys

    def _keep(self, found: Keyring) -> None:
        self._writing.update(found)
        while len(self._writing) > KEPT:
            self._writing.popitem(last=False)
