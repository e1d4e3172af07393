"""Whether a driver can be offered jobs: the commands that change it, and what each brings about. Pure.

A driver is offline until it says otherwise. Online, it has one deadline or two: `silent_at`, which each of
its positions puts off (C4), and a grace, which begins when its socket drops and ends when it is back (C5).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from matching.states import NOT_APPROVED, Rejection


class Reason(StrEnum):
    """Why a driver went offline."""

    asked = "asked"
    disconnected = "disconnected"
    silent = "silent"


@dataclass(frozen=True)
class Patience:
    """How long a driver may be without a socket after it had one (C5), and without a word (C4)."""

    grace: timedelta = timedelta(seconds=30)
    silence: timedelta = timedelta(seconds=60)


@dataclass(frozen=True)
class Grace:
    """The driver's socket dropped; at `until` it is offline unless an edge has it again."""

    id: UUID
    until: datetime


@dataclass(frozen=True)
class Availability:
    """`contact_at`: when it last went online, or was last seen on an edge. `edge`: where it was then, if
    anywhere; a driver who uses HTTP alone has none, and no grace ever."""

    approved: bool
    online: bool = False
    edge: str | None = None
    contact_at: datetime | None = None
    silent_at: datetime | None = None
    grace: Grace | None = None


@dataclass(frozen=True)
class WentOnline:
    """It can be offered jobs from now on."""


@dataclass(frozen=True)
class WentOffline:
    """It is offered nothing from now on."""

    reason: Reason


@dataclass(frozen=True)
class StandingChanged:
    """It was approved, or suspended."""


@dataclass(frozen=True)
class GraceBegan:
    """A deadline to be woken at."""

    grace: Grace


@dataclass(frozen=True)
class GraceEnded:
    """A deadline that no longer matters."""

    grace: Grace


Happened = WentOnline | WentOffline | StandingChanged | GraceBegan | GraceEnded


@dataclass(frozen=True)
class Change:
    """The state afterwards, and what happened on the way; nothing, if the command came too early or late."""

    after: Availability
    happened: tuple[Happened, ...] = ()


def go_online(state: Availability, edge: str | None, now: datetime, patience: Patience) -> Change | Rejection:
    """The driver says so (C2), over HTTP or through `edge`. Said again, it puts its deadlines off."""
    if not state.approved:
        return NOT_APPROVED
    after = replace(
        state,
        online=True,
        edge=edge or state.edge,
        contact_at=now,
        silent_at=now + patience.silence,
        grace=None,
    )
    return Change(after, (*_end_of_grace(state), *(() if state.online else (WentOnline(),))))


def go_offline(state: Availability, reason: Reason = Reason.asked) -> Change:
    """Offline, whatever its job: that stays (C2)."""
    if not state.online:
        return Change(state)
    after = replace(state, online=False, edge=None, silent_at=None, grace=None)
    return Change(after, (*_end_of_grace(state), WentOffline(reason)))


def lost_contact(
    state: Availability, at: datetime, now: datetime, patience: Patience, new_id: Callable[[], UUID]
) -> Change:
    """Its socket dropped `at` this time (C5). Nothing, if it was heard of since, or dropped again later."""
    if not state.online or (state.contact_at and at < state.contact_at):
        return Change(state)
    until = min(at, now) + patience.grace
    if state.grace and until <= state.grace.until:
        return Change(state)
    grace = Grace(new_id(), until)
    return Change(replace(state, edge=None, grace=grace), (*_end_of_grace(state), GraceBegan(grace)))


def back_in_contact(state: Availability, grace_id: UUID, edge: str, now: datetime) -> Change:
    """An edge has its socket (C5). About an earlier grace than the present one this says nothing."""
    if state.grace is None or state.grace.id != grace_id:
        return Change(state)
    return Change(replace(state, edge=edge, contact_at=now, grace=None), _end_of_grace(state))


def grace_over(state: Availability, grace_id: UUID, now: datetime) -> Change:
    """No edge has its socket (C5). Too early, or not about the present grace: nothing."""
    if state.grace is None or state.grace.id != grace_id or now < state.grace.until:
        return Change(state)
    return go_offline(state, Reason.disconnected)


def silent(state: Availability, heard_at: datetime | None, now: datetime, patience: Patience) -> Change:
    """Its deadline for a word has come (C4), and the last one, as far as we know, came `heard_at`."""
    if not state.online or state.silent_at is None:
        return Change(state)
    deadline = max(state.silent_at, heard_at + patience.silence) if heard_at else state.silent_at
    if now < deadline:
        return Change(replace(state, silent_at=deadline))
    return go_offline(state, Reason.silent)


def approve(state: Availability) -> Change:
    """By an admin: it may take jobs."""
    return Change(state) if state.approved else Change(replace(state, approved=True), (StandingChanged(),))


def suspend(state: Availability) -> Change:
    """By an admin: it may take no further job. Neither its job nor its being online ends with it."""
    return Change(replace(state, approved=False), (StandingChanged(),)) if state.approved else Change(state)


def _end_of_grace(state: Availability) -> tuple[GraceEnded, ...]:
    return (GraceEnded(state.grace),) if state.grace else ()
