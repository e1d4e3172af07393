"""A client comes back, here or from another edge, and is told what it missed: all of it, in order, once (C7).

As Socket.IO's connection state recovery has it: the client names its `pid` and the `offset` of the last event
that it saw. Whoever was away too long, or missed too much, starts anew with a snapshot and another `pid`.
"""

import secrets
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import nats.errors
import structlog
from nats.aio.msg import Msg

from contracts.events import DispatchEvent, Event, JobCreated, JobEvent
from contracts.models import Identity, Role
from contracts.streams import DISPATCH
from realtime import rooms
from realtime.edge import Edge, Session
from realtime.emit import lines
from realtime.followed import FOR_ADMINS, enter_again
from realtime.metrics import RECOVERED
from realtime.progress import Position, end_of_stream, parse
from realtime.recovery import Told, version_in
from realtime.restore import enter_bookings, enter_feed
from wire import direct
from wire.envelope import UndecodableError, unseal
from wire.problem import ProblemError

log = structlog.get_logger()

MOST_MISSED = 500
"""Events read for one client; past it a snapshot is the shorter way."""
MAX_PID = 64
ASKED = (True, "true")
"""The Java client's `auth` holds texts only."""


@dataclass(frozen=True)
class Return:
    """What a client says about where it left off. `since` is None if it has seen nothing yet."""

    pid: str | None
    since: Position | None


class TooMuchError(Exception):
    """More was missed than is told one by one."""


def wished(auth: object) -> Return | None:
    """None for a client that does not want to be recoverable."""
    if not isinstance(auth, dict):
        return None
    pid = auth.get("pid")
    known = pid if isinstance(pid, str) and 0 < len(pid) <= MAX_PID else None
    if known is None and auth.get("recover") not in ASKED:
        return None
    return Return(known, parse(auth.get("offset")))


async def resume(
    edge: Edge, session: Session, wish: Return, admit: Callable[[Edge, Session], Awaitable[None]]
) -> bool:
    """Let it in and tell it what it missed, before anything else. False: it needs a snapshot.

    ProblemError 503 when the bus does not answer.
    """
    edge.recovery.hold(session.socket)
    await admit(edge, session)
    try:
        missed = await _missed(edge, session, wish.pid, wish.since) if wish.since else None
        if missed is None:
            session.pid = secrets.token_urlsafe(12)
            if wish.pid:
                await enter_again(edge, session, wish.pid)
        told, horizon = missed or ([], await end_of_stream(edge.nc))
    except (nats.errors.Error, TimeoutError) as error:
        raise ProblemError("unavailable", "Try again in a moment", 503) from error
    await _tell(edge, session, told, horizon)
    if wish.since:
        RECOVERED.labels("missed_told" if missed else "snapshot").inc()
    return missed is not None


async def _missed(
    edge: Edge, session: Session, pid: str | None, since: Position
) -> tuple[list[Told], Position] | None:
    """What it was not told, and up to where; None if that cannot be said."""
    try:
        if session.identity.role is Role.pilot:
            await enter_feed(edge, session)
        if session.identity.role is not Role.admin:
            await enter_bookings(edge, session)
        session.pid = pid or secrets.token_urlsafe(12)
        if not await enter_again(edge, session, session.pid):
            session.pid = secrets.token_urlsafe(12)
        horizon = await end_of_stream(edge.nc)
        if since.epoch != horizon.epoch or since.seq > horizon.seq:
            return None
        return await _read(edge, session, since.seq, horizon.seq), horizon
    except (ProblemError, TooMuchError) as error:
        log.info("resume.snapshot_instead", reason=repr(error))
        return None


def _filters(session: Session) -> list[str]:
    """Where its events are in the stream. Those of its own bookings are addressed to it in person."""
    own = list(rooms.personal(session.identity).stored)
    if session.identity.role is Role.pilot:
        own += rooms.ONLINE_DRIVERS.stored
    if session.identity.role is Role.admin:
        for name in session.followed:
            own += FOR_ADMINS[name].stored if name in FOR_ADMINS else rooms.booking_named(name).stored
    return own


async def _read(edge: Edge, session: Session, after: int, upto: int) -> list[Told]:
    """TooMuchError if it is too much, or too old."""
    if after >= upto:
        return []
    oldest = datetime.now(UTC) - timedelta(seconds=edge.settings.recover_seconds)
    found: dict[int, Msg] = {}
    for wanted in _filters(session):
        page = direct.matching(edge.nc, DISPATCH.name, wanted, after + 1, page=MOST_MISSED + 1)
        async with aclosing(page) as messages:
            async for message in messages:
                seq = direct.sequence(message)
                if seq > upto:
                    break
                found[seq] = message
                if len(found) > MOST_MISSED or direct.stored_at(message) < oldest:
                    raise TooMuchError(len(found))
    return _said(edge, session, found)


def _said(edge: Edge, session: Session, found: dict[int, Msg]) -> list[Told]:
    """What it would have been told, had it been here."""
    told: list[Told] = []
    seen: set[object] = set()
    versions: dict[object, int] = {}
    here = edge.members.rooms_of(session.socket)
    for seq, message in sorted(found.items()):
        try:
            received = unseal(message.headers, message.data)
        except UndecodableError:  # said and counted when it came
            continue
        event = received.event
        if received.id in seen or _is_stale(event, versions):
            continue
        seen.add(received.id)
        names = here | _own_booking(event, session.identity)
        told += [
            Told(seq, line.name, line.payload(event), version_in(event))
            for line, to in lines(event)
            if not names.isdisjoint(to)
        ]
    return told


def _own_booking(event: Event, identity: Identity) -> set[str]:
    """The room of a booking that was its own then, though it may be over now."""
    if not isinstance(event, DispatchEvent):
        return set()
    own = {Role.user: event.customer_id, Role.pilot: event.driver_id}.get(identity.role)
    return {rooms.booking_name(event.job_id)} if own == identity.subject else set()


def _is_stale(event: Event, versions: dict[object, int]) -> bool:
    if not isinstance(event, JobEvent):
        return False
    behind = event.job.version < versions.get(event.job_id, 0)
    versions[event.job_id] = max(event.job.version, versions.get(event.job_id, 0))
    return behind and not isinstance(event, JobCreated)


async def _tell(edge: Edge, session: Session, told: list[Told], horizon: Position) -> None:
    """The rest of what happens goes to it with everybody else; nothing lies between."""
    for one in told:
        if one.job:
            edge.recovery.knows(session.socket, *one.job)
    told = told + _after(edge, session, horizon)
    while told:
        for one in told:
            offset = str(Position(horizon.epoch, one.seq))
            await edge.engine.emit([session.socket], one.name, one.payload, offset=offset)
        told = _after(edge, session, horizon)
    edge.recovery.caught_up(session.socket, horizon.seq)


def _after(edge: Edge, session: Session, horizon: Position) -> list[Told]:
    return [
        one
        for one in edge.recovery.take_held(session.socket)
        if one.seq > horizon.seq and not edge.recovery.ahead_of([session.socket], one.job)
    ]
