"""What nats-server does not permit: said loudly, and to whoever waits for an answer that will not come.

The server tells of it apart from the message concerned. With the permissions that the contracts give
(contracts.permissions) it never happens: it is a fault of ours, or somebody else has our key.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

import nats.errors
import structlog
from nats.aio.client import Client

from wire.metrics import NOT_PERMITTED

log = structlog.get_logger()

_VIOLATION = re.compile(r'permissions violation for (publish|subscription) to "(.+?)"', re.IGNORECASE)
_waiting: WeakKeyDictionary[Client, dict[str, set[asyncio.Timeout]]] = WeakKeyDictionary()


class NotPermittedError(nats.errors.Error):
    """The server does not let this user publish there; it never will."""


def heard(client: Client, error: Exception) -> bool:
    """Whether this, from nats-py's error callback, is such a refusal; it is dealt with then."""
    violation = _VIOLATION.search(str(error))
    if violation is None:
        return False
    act, subject = violation[1].lower(), violation[2]
    NOT_PERMITTED.labels(act).inc()
    log.error("nats.not_permitted", act=act, subject=subject)
    if act == "publish":
        for limit in tuple(_waiting.get(client, {}).get(_key(subject), ())):
            limit.reschedule(asyncio.get_running_loop().time())
    return True


@asynccontextmanager
async def unless_refused(client: Client, subject: str) -> AsyncIterator[None]:
    """NotPermittedError as soon as the server refuses what was published there, by this client, meanwhile."""
    waiting = _waiting.setdefault(client, {}).setdefault(_key(subject), set())
    try:
        async with asyncio.timeout(None) as limit:
            waiting.add(limit)
            try:
                yield
            finally:
                waiting.discard(limit)
                if not waiting:
                    _waiting[client].pop(_key(subject), None)
    except TimeoutError as error:
        if limit.expired():
            raise NotPermittedError(f"not permitted to publish to {subject}") from error
        raise


def _key(subject: str) -> str:
    return subject.lower()  # as nats-py hands the server's words on
