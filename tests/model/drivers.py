"""A driver in the explorer's world: a small integer, and what the real availability functions make of it."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from tests.model.invariants import ORDER, Seen, need
from tests.model.world import NOW, Setting

from matching import availability
from matching.availability import Availability, Change, Grace, Patience, StandingChanged, WentOffline
from matching.states import Rejection

BUSY, APPROVED, ONLINE, LEAVING, GRACE, REACHED = 3, 4, 8, 16, 32, 64
"""Bits. BUSY: with which job, counted from 1. LEAVING: offline or suspended, but the offers it held are
not withdrawn yet.
GRACE: its socket dropped; REACHED: and that was long enough."""
FREE = APPROVED | ONLINE
BITS = 7
PATIENCE = Patience()
PRESENT, EARLIER = UUID(int=1), UUID(int=2)


def seen(driver: int, *, holds: bool) -> Seen:
    """The driver as a transaction on a job finds it."""
    return Seen(bool(driver & APPROVED), bool(driver & ONLINE), bool(driver & BUSY), holds)


def _state(driver: int) -> Availability:
    until = NOW if driver & REACHED else NOW + PATIENCE.grace
    online = bool(driver & ONLINE)
    return Availability(
        approved=bool(driver & APPROVED),
        online=online,
        contact_at=NOW - timedelta(days=1) if online else None,
        silent_at=NOW + PATIENCE.silence if online else None,
        grace=Grace(PRESENT, until) if driver & GRACE else None,
    )


def _after(driver: int, change: Change | Rejection) -> int:
    if isinstance(change, Rejection):
        return driver
    after = change.after
    need(after.online or after.grace is None, ORDER, "a grace for somebody who is offline")
    gone = any(isinstance(one, WentOffline | StandingChanged) for one in change.happened)
    graced = 0
    if after.grace:
        graced = GRACE | (REACHED if after.grace.until <= NOW else 0)
    standing = (APPROVED if after.approved else 0) | (ONLINE if after.online else 0)
    return (
        (driver & (BUSY | LEAVING))
        | (LEAVING if gone and not _may_be_asked(after) else 0)
        | standing
        | graced
    )


def _may_be_asked(state: Availability) -> bool:
    return state.online and state.approved


def changes(driver: int, setting: Setting) -> Iterator[tuple[str, int]]:
    """What can happen to a driver by itself: in words, and the driver afterwards."""
    state = _state(driver)
    if setting.shifts:
        yield "{driver} goes offline", _after(driver, availability.go_offline(state))
        yield "{driver} goes online", _after(driver, availability.go_online(state, None, NOW, PATIENCE))
    if setting.approvals:
        yield "{driver} is suspended", _after(driver, availability.suspend(state))
        yield "{driver} is approved", _after(driver, availability.approve(state))
    if setting.sockets:
        yield from _socket(driver, state)


def _socket(driver: int, state: Availability) -> Iterator[tuple[str, int]]:
    lost = availability.lost_contact(state, NOW, NOW, PATIENCE, lambda: PRESENT)
    yield "{driver}'s socket drops", _after(driver, lost)
    if driver & GRACE:
        yield "{driver}'s grace is over, and nobody noticed yet", driver | REACHED
    for grace in (PRESENT, EARLIER):
        back = availability.back_in_contact(state, grace, "edge", NOW)
        yield "{driver}'s socket is back", _after(driver, back)
        over = _after(driver, availability.grace_over(state, grace, NOW))
        need(bool(over & ONLINE) or not driver & ONLINE or bool(driver & REACHED), ORDER, "gone too early")
        yield "the timer of {driver}'s grace fires", over
