"""When a driver is online and when not, on a clock moved by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from matching import availability
from matching.availability import (
    Availability,
    Change,
    GraceBegan,
    GraceEnded,
    Patience,
    Reason,
    StandingChanged,
    WentOffline,
    WentOnline,
)
from matching.states import NOT_APPROVED

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PATIENCE = Patience()
NOBODY_ELSES = UUID(int=999)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def online(edge: str | None = "edge-1") -> Availability:
    """Since noon."""
    change = availability.go_online(Availability(approved=True), edge, NOON, PATIENCE)
    assert isinstance(change, Change)
    return change.after


def dropped(state: Availability, seconds: float, number: int = 1, heard: float | None = None) -> Change:
    """Its socket dropped then; `heard`: when we were told."""
    now = at(seconds if heard is None else heard)
    return availability.lost_contact(state, at(seconds), now, PATIENCE, lambda: UUID(int=number))


def test_going_online_sets_the_deadline_for_a_word_and_no_other() -> None:
    """C2, C4, C5"""
    change = availability.go_online(Availability(approved=True), "edge-1", NOON, PATIENCE)
    assert isinstance(change, Change)
    assert change.happened == (WentOnline(),)
    assert (change.after.online, change.after.edge) == (True, "edge-1")
    assert change.after.silent_at == at(60)
    assert change.after.grace is None


def test_who_is_not_approved_cannot_go_online() -> None:
    """C2"""
    assert availability.go_online(Availability(approved=False), None, NOON, PATIENCE) is NOT_APPROVED


def test_saying_online_again_puts_the_deadline_off_and_is_no_news() -> None:
    """C2, C4: over HTTP it stays known on which edge the socket is."""
    change = availability.go_online(online(), None, at(20), PATIENCE)
    assert isinstance(change, Change)
    assert change.happened == ()
    assert (change.after.silent_at, change.after.edge) == (at(80), "edge-1")


def test_a_driver_whose_socket_drops_is_offline_after_thirty_seconds_and_not_before() -> None:
    """C5"""
    change = dropped(online(), 10)
    [began] = change.happened
    assert isinstance(began, GraceBegan)
    assert began.grace.until == at(40)
    assert change.after.online
    assert availability.grace_over(change.after, began.grace.id, at(39.9)) == Change(change.after)
    over = availability.grace_over(change.after, began.grace.id, at(40))
    assert WentOffline(Reason.disconnected) in over.happened
    assert not over.after.online
    assert (over.after.edge, over.after.silent_at, over.after.grace) == (None, None, None)


def test_a_grace_counts_from_the_drop_however_late_it_is_told_but_never_from_the_future() -> None:
    """C5, B13: matching was away; the edge's clock is wrong."""
    late = dropped(online(), 10, heard=300).after
    assert late.grace
    assert late.grace.until == at(40)
    ahead = dropped(online(), 500, heard=10).after
    assert ahead.grace
    assert ahead.grace.until == at(40)


def test_who_is_seen_on_an_edge_again_stays_online_and_the_old_grace_is_spent() -> None:
    """C5: back by then on any edge replica."""
    waiting = dropped(online(), 10).after
    back = availability.back_in_contact(waiting, UUID(int=1), "edge-2", at(40))
    assert waiting.grace
    assert back.happened == (GraceEnded(waiting.grace),)
    assert (back.after.online, back.after.edge, back.after.grace) == (True, "edge-2", None)
    assert availability.grace_over(back.after, UUID(int=1), at(41)) == Change(back.after)
    again = dropped(back.after, 50, number=2).after
    assert again.grace
    assert again.grace.until == at(80)


def test_saying_online_ends_the_grace() -> None:
    """C5"""
    waiting = dropped(online(), 10).after
    back = availability.go_online(waiting, "edge-2", at(15), PATIENCE)
    assert isinstance(back, Change)
    assert waiting.grace
    assert back.happened == (GraceEnded(waiting.grace),)
    assert (back.after.grace, back.after.edge) == (None, "edge-2")


def test_a_drop_before_the_last_sign_of_life_is_old_news() -> None:
    """C5: told late, after the driver said online on another edge."""
    state = availability.go_online(online(), "edge-2", at(20), PATIENCE)
    assert isinstance(state, Change)
    assert dropped(state.after, 15, heard=21) == Change(state.after)


def test_of_two_drops_the_later_one_counts_in_whatever_order_they_are_told() -> None:
    """C5: a socket on each of two edges."""
    first, second = dropped(online(), 10), dropped(online(), 25, number=2)
    later = dropped(first.after, 25, number=2)
    assert first.after.grace
    assert second.after.grace
    assert later.happened == (GraceEnded(first.after.grace), GraceBegan(second.after.grace))
    assert dropped(second.after, 10) == Change(second.after)
    assert dropped(second.after, 25, number=3) == Change(second.after), "told twice"


@pytest.mark.parametrize("grace_id", [UUID(int=1), NOBODY_ELSES])
def test_what_is_said_of_another_grace_changes_nothing(grace_id: UUID) -> None:
    """C5, E2: twice, or late."""
    state = dropped(online(), 10, number=2).after
    assert availability.grace_over(state, grace_id, at(100)) == Change(state)
    assert availability.back_in_contact(state, grace_id, "edge-9", at(100)) == Change(state)


def test_a_driver_who_is_offline_has_no_grace() -> None:
    """C5"""
    off = availability.go_offline(online())
    assert off.happened == (WentOffline(Reason.asked),)
    assert dropped(off.after, 10) == Change(off.after)
    assert availability.go_offline(off.after) == Change(off.after)


def test_going_offline_ends_a_grace() -> None:
    """C2, E2"""
    waiting = dropped(online(), 10).after
    assert waiting.grace
    off = availability.go_offline(waiting)
    assert off.happened == (GraceEnded(waiting.grace), WentOffline(Reason.asked))


def test_a_driver_is_silent_sixty_seconds_after_its_last_word_and_not_before() -> None:
    """C4"""
    state = online()
    assert availability.silent(state, None, at(59.9), PATIENCE) == Change(state)
    heard = availability.silent(state, at(45), at(60), PATIENCE)
    assert heard == Change(replace(state, silent_at=at(105)))
    assert availability.silent(heard.after, at(45), at(104.9), PATIENCE) == Change(heard.after)
    gone = availability.silent(heard.after, at(45), at(105), PATIENCE)
    assert gone.happened == (WentOffline(Reason.silent),)
    assert not gone.after.online


def test_an_old_position_does_not_bring_the_deadline_forward() -> None:
    """C4: it was taken before the driver went online."""
    state = online()
    assert availability.silent(state, at(-30), at(59), PATIENCE) == Change(state)


def test_a_silent_driver_in_its_grace_loses_both_deadlines() -> None:
    """C4, C5: whichever comes first."""
    waiting = dropped(online(), 50).after
    assert waiting.grace
    gone = availability.silent(waiting, None, at(60), PATIENCE)
    assert gone.happened == (GraceEnded(waiting.grace), WentOffline(Reason.silent))
    assert availability.silent(gone.after, None, at(200), PATIENCE) == Change(gone.after)


def test_standing_changes_once_and_leaves_the_rest() -> None:
    """A1: approved and suspended by an admin."""
    state = online()
    off = availability.suspend(state)
    assert off == Change(replace(state, approved=False), (StandingChanged(),))
    assert availability.suspend(off.after) == Change(off.after)
    assert availability.approve(off.after) == Change(state, (StandingChanged(),))
    assert availability.approve(state) == Change(state)
