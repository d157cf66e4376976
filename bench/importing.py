"""Import: a CSV of purchases through commands, against COPY of the rows that it leaves in the log."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench.business import purchases
from bench.harness import Figure, Peer, Run, rate
from infra.database import Pool
from infra.imports.files import open_table
from infra.imports.importing import Job, import_table
from infra.imports.kinds import PURCHASES
from infra.imports.tables import Shape
from infra.tenant import open_tenant

ROWS = 15_000


async def bench(run: Run) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="kehu-bench-") as directory:
        file = Path(directory) / "purchases.csv"
        purchases(file, run.scale.some(ROWS, least=20))

        async def through_commands() -> float:
            async with run.kehu() as pool, open_tenant(pool, "bench", ()) as tenant:
                began = time.perf_counter()
                job = Job(kind=PURCHASES, source="bench")
                table = open_table(file, Shape())
                await import_table(tenant.engine, table, job, file.with_suffix(".rejects"))
                return await tenant.log.head() / (time.perf_counter() - began)

        async with run.kehu() as pool, open_tenant(pool, "bench", ()) as tenant:
            job = Job(kind=PURCHASES, source="bench")
            await import_table(tenant.engine, open_table(file, Shape()), job, file.with_suffix(".rejects"))
            rows = [tuple(row) for row in await pool.fetch("SELECT * FROM kehu.events ORDER BY position")]
            copy = Peer(name="COPY of the same events", measure=lambda: _copy(pool, rows), target=0.4)
            return await run.compare("import of purchases", "events/s", through_commands, [copy])


async def _copy(pool: Pool, rows: list[tuple[object, ...]]) -> float:
    await pool.execute(
        "DROP TABLE IF EXISTS copied; CREATE TABLE copied (LIKE kehu.events);"
        " ALTER TABLE copied ADD PRIMARY KEY (tenant, position)"
    )

    async def copied() -> int:
        await pool.copy_records_to_table("copied", records=rows)
        return len(rows)

    return await rate(copied)
