"""`kehu verify`: is a tenant's log whole, in order and as it was written?"""

from __future__ import annotations

import asyncio

from click import command

from infra.archive.verifying import verify
from kehu.console import bar, out, write_json
from kehu.failures import PARTLY
from kehu.opening import database, opened
from kehu.options import common
from kehu.settings import Settings


@command("verify")
@common
def verify_command(settings: Settings, as_json: bool) -> int:
    """Check the whole log, archives included; one line for each fault, and exit code 1.

    Positions and the versions of each stream have no gaps, recorded times increase, every event decodes
    and lies within the result of its command, and every archive's file has its digest.

    \b
    Example:
      kehu verify --tenant demo
    """
    with database(settings) as dsn:
        head, faults = asyncio.run(_verify(settings, dsn, as_json))
    write_json({"head": head, "faults": faults}) if as_json else _tell(head, faults)
    return PARTLY if faults else 0


async def _verify(settings: Settings, dsn: str, quiet: bool) -> tuple[int, list[str]]:
    async with opened(settings, dsn, (), must_exist=True) as tenant:
        head = await tenant.log.head()
        with bar("Verifying", quiet=quiet) as moved:
            return head, [fault async for fault in verify(tenant.log, moved)]


def _tell(head: int, faults: list[str]) -> None:
    for fault in faults:
        out().print(fault)
    out().print(f"{head:,} events, {len(faults):,} faults")
