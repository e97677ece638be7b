"""`python -m bench.rebuilding`: rebuild the balances of all vouchers, as `cxq rebuild` does, each time it is told to.

Each line on standard output tells of one rebuild: how many rows came out differently, and in how many seconds.
"""

import asyncio
import sys

from services.commands.keeping import work_behind_others
from services.issuance.app import CONTEXT
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES
from shared.projections.rebuild import rebuild
from shared.settings import Settings


async def rebuild_when_told() -> None:
    """Rebuild once for each line on standard input."""
    settings = Settings()
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        report = await rebuild(settings, CONTEXT, VOUCHER_BALANCES, lambda *_: None)
        different = report.rows_different or report.digest_before != report.digest_after
        sys.stdout.write(f"{int(different)} {report.seconds:.3f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    work_behind_others()
    asyncio.run(rebuild_when_told())
