"""E4: bytes of PostgreSQL a claim, all tables and indexes of issuance; a count, not a time."""

from itertools import pairwise

import sqlalchemy as sa

from bench.gates import caught_up, pass_gates
from bench.history import write_history
from bench.ratio import Goal, Ratio
from bench.stage import Stage, stage
from shared.database import create_owner_engine

GOAL = Goal(id="E4", what="bytes/claim", target=400, at_least=False)
_CLAIMS = 30_000
_ROUNDS = 3
_LAG_S = 120.0
_SIZES = """
SELECT c.relname, pg_table_size(c.oid) AS rows, pg_indexes_size(c.oid) AS indexes
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""
type Sizes = dict[str, tuple[int, int]]
"""What each table takes, and what its indexes take, in bytes."""


async def measure() -> Ratio:
    """Have claims granted and applied by every read model, and see by how much the tables grow."""
    async with stage() as here:
        await write_history(here, _CLAIMS)
        sizes = [await _sizes(here)]
        for _ in range(_ROUNDS):
            await write_history(here, _CLAIMS)
            sizes.append(await _sizes(here))
        await pass_gates(here)
    ratio = Ratio.of((_total(after) - _total(before), _CLAIMS) for before, after in pairwise(sizes))
    claims = _ROUNDS * _CLAIMS
    grown = {
        table: (rows - sizes[0][table][0], indexes - sizes[0][table][1]) for table, (rows, indexes) in sizes[-1].items()
    }
    print(f"bytes a claim after VACUUM, over {claims} claims, rows + indexes of each table:")
    for table, (rows, indexes) in sorted(grown.items(), key=lambda one: -sum(one[1])):
        if rows + indexes >= claims:
            print(f"  {table} {(rows + indexes) / claims:.0f} = {rows / claims:.0f} + {indexes / claims:.0f}")
    return ratio


async def _sizes(here: Stage) -> Sizes:
    """Measure once everything that follows from the claims is done, and what is dead has been cleared away."""
    await caught_up(here, _LAG_S)
    engine = create_owner_engine(here.settings.owner_url("issuance"))
    try:
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(sa.text("VACUUM"))
            found = await connection.execute(sa.text(_SIZES))
            return {row.relname: (row.rows, row.indexes) for row in found}
    finally:
        await engine.dispose()


def _total(sizes: Sizes) -> int:
    return sum(rows + indexes for rows, indexes in sizes.values())
