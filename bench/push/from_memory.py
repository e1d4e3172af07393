"""What the push service sends with, alone: pushes from memory, as node-apn sends its own. A process:

    python -m bench.push.from_memory PORT CA_PEM KEY_P8 KEY_ID TEAM_ID WARM_UP PUSHES AT_ONCE

prints the seconds that the pushes took.
"""

import asyncio
import ssl
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex

import uvloop

from contracts.ids import new_id
from push.apns import Apns
from push.apns_pool import ApnsPool
from push.notifier import Environment, Push, Verdict
from push.provider_token import ProviderToken
from stack.plan import DRIVER_TOPIC
from stack.ports import HOST

LIFE = timedelta(minutes=10)


async def seconds(port: str, ca: str, key: str, *more: str) -> float:
    """Of so many pushes, after the warm-up; RuntimeError if one is not taken."""
    key_id, team_id, *numbers = more
    warm_up, many, at_once = map(int, numbers)
    tls = ssl.create_default_context(cafile=ca)
    tls.set_alpn_protocols(["h2"])
    pool = ApnsPool(HOST, int(port), tls, 2)
    token = ProviderToken(await asyncio.to_thread(Path(key).read_text), key_id, team_id)
    apns = Apns({Environment.production: pool}, token)
    await _sent(apns, [_push(number) for number in range(warm_up)], at_once)
    pushes = [_push(number) for number in range(many)]
    began = time.perf_counter()
    await _sent(apns, pushes, at_once)
    took = time.perf_counter() - began
    await pool.aclose()
    return took


async def _sent(apns: Apns, pushes: Sequence[Push], at_once: int) -> None:
    async def one_after_the_other(waiting: Iterator[Push]) -> None:
        for push in waiting:
            outcome = await apns.send(push)
            if outcome.verdict is not Verdict.sent:
                raise RuntimeError(f"a push failed: {outcome}")

    waiting = iter(pushes)
    await asyncio.gather(*(one_after_the_other(waiting) for _ in range(at_once)))


def _push(number: int) -> Push:
    return Push(
        id=new_id(),
        token=token_hex(32),
        app=DRIVER_TOPIC,
        environment=Environment.production,
        title="New Job Nearby",
        body=f"12 Main Street - ${number % 100}",
        data={"job_id": str(new_id()), "type": "new_job", "address": "12 Main Street"},
        collapse_id=str(new_id()),
        urgent=True,
        expires_at=datetime.now(UTC) + LIFE,
    )


if __name__ == "__main__":
    print(uvloop.run(seconds(*sys.argv[1:])))
