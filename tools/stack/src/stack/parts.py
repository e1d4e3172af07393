"""The two parts every test of a service needs: a real nats-server and a real PostgreSQL, nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from stack.house import House
from stack.running import running


@asynccontextmanager
async def parts(state: Path | None = None) -> AsyncIterator[House]:
    """nats-server (no streams yet, and open to everybody) and PostgreSQL (no databases yet; without fsync).

    Of the house use `nats_url`, `nats_monitor_url`, `await fresh_database()`, and kill/stop/start of
    "nats" and "postgres". `state`: see `running`.
    """
    async with running(state, services=(), caddy=False, apns=False, durable=False, guarded=False) as house:
        yield house
