"""The life of a job as one table: every status, every command, and what comes of it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from booking.domain import ENDED, NEXT_STEP, Life, Rejection, Status, advance, assign, cancel, give_up, retry

ANN, BOB = "driver ann", "driver bob"
NOW, OLD, AHEAD = 2, 1, 3
"""Attempts: the job's own (but in its first search), and what is heard of others."""

LIVES = {
    "first": Life(Status.pending, 1, None),
    "again": Life(Status.pending, NOW, None),
    "accepted": Life(Status.accepted, NOW, ANN),
    "en_route": Life(Status.en_route, NOW, ANN),
    "arrived": Life(Status.arrived, NOW, ANN),
    "in_prog": Life(Status.in_progress, NOW, ANN),
    "complete": Life(Status.completed, NOW, ANN),
    "cancel": Life(Status.cancelled, NOW, None),
    "off": Life(Status.cancelled, NOW, ANN),
    "unfulfil": Life(Status.unfulfilled, NOW, None),
}
"""A cancelled job had no driver yet, or one who was called off."""

TABLE = """
                first   again     accepted  en_route  arrived  in_prog   complete  cancel  off      unfulfil
cancel          cancel  cancel    off       off       off      off       done      -       -        cancel
retry           not     -         not       not       not      not       not       not     not      again+1
to_pending      who     who       illegal   illegal   illegal  illegal   illegal   who     illegal  who
to_accepted     who     who       illegal   illegal   illegal  illegal   illegal   who     illegal  who
to_en_route     who     who       en_route  -         illegal  illegal   illegal   who     illegal  who
to_arrived      who     who       illegal   arrived   -        illegal   illegal   who     illegal  who
to_in_progress  who     who       illegal   illegal   in_prog  -         illegal   who     illegal  who
to_completed    who     who       illegal   illegal   illegal  complete  -         who     illegal  who
to_cancelled    who     who       illegal   illegal   illegal  illegal   illegal   who     illegal  who
to_unfulfilled  who     who       illegal   illegal   illegal  illegal   illegal   who     illegal  who
others_step     who     who       who       who       who      who       who       who     who      who
assign_ann      -       accepted  -         -         -        -         -         -       -        accepted
assign_bob      -       bobs      -         -         -        -         -         -       -        bobs
assign_old      early   -         -         -         -        -         -         -       -        -
assign_ahead    -       -         -         -         -        -         -         -       -        -
give_up         -       unfulfil  -         -         -        -         -         -       -        -
give_up_old     nobody  -         -         -         -        -         -         -       -        -
give_up_ahead   -       -         -         -         -        -         -         -       -        -
"""
"""`-`: nothing happens. A name of a life: that follows. Else: refused, for the reason in `REFUSED`."""

MORE_LIVES = {
    "again+1": Life(Status.pending, NOW + 1, None),
    "bobs": Life(Status.accepted, NOW, BOB),
    "early": Life(Status.accepted, 1, ANN),
    "nobody": Life(Status.unfulfilled, 1, None),
}
REFUSED = {"done": "already_completed", "not": "not_retryable", "who": "forbidden", "illegal": "illegal_step"}

COMMANDS: dict[str, Callable[[Life], Life | Rejection]] = {
    "cancel": cancel,
    "retry": retry,
    **{f"to_{step}": partial(advance, step=step, by=ANN) for step in Status},
    "others_step": lambda life: advance(life, NEXT_STEP.get(life.status, Status.en_route), BOB),
    "assign_ann": partial(assign, driver=ANN, attempt=NOW),
    "assign_bob": partial(assign, driver=BOB, attempt=NOW),
    "assign_old": partial(assign, driver=ANN, attempt=OLD),
    "assign_ahead": partial(assign, driver=ANN, attempt=AHEAD),
    "give_up": partial(give_up, attempt=NOW),
    "give_up_old": partial(give_up, attempt=OLD),
    "give_up_ahead": partial(give_up, attempt=AHEAD),
}


def cells() -> list[tuple[str, str, str]]:
    """(command, life, what comes of it), all of them."""
    names, *rows = (line.split() for line in TABLE.strip().splitlines())
    return [(row[0], name, cell) for row in rows for name, cell in zip(names, row[1:], strict=True)]


def expected(name: str, cell: str) -> Life | str:
    """The life afterwards, or the code of the refusal."""
    before = LIVES[name]
    if cell == "-":
        return before
    if cell in REFUSED:
        return REFUSED[cell]
    after = (LIVES | MORE_LIVES)[cell]
    return replace(after, attempt=before.attempt) if cell == "cancel" else after  # its attempt stays


@pytest.mark.parametrize(("command", "name", "cell"), cells())
def test_every_command_in_every_status(command: str, name: str, cell: str) -> None:
    """B7, B9, B10, B11, C12: what follows, what is refused, and what changes nothing.

    News of another attempt changes nothing, a second assignment neither, and an ended job stays as it is.
    """
    outcome = COMMANDS[command](LIVES[name])
    found = outcome.code if isinstance(outcome, Rejection) else outcome
    assert found == expected(name, cell)


def test_table_leaves_nothing_out() -> None:
    """C12: no status and no command without its cell."""
    assert {life.status for life in LIVES.values()} == set(Status)
    assert {(command, name) for command, name, _ in cells()} == {(c, n) for c in COMMANDS for n in LIVES}


@pytest.mark.parametrize("name", LIVES)
def test_ended_is_where_nothing_follows(name: str) -> None:
    """B11, C12: a completed job never goes back, a cancelled one neither."""
    ways = [cell for _, life, cell in cells() if life == name and cell != "-" and cell not in REFUSED]
    assert (not ways) == (LIVES[name].status in ENDED)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", LIVES)
def test_command_given_twice_is_as_if_given_once(name: str, command: str) -> None:
    """B10, B11, C12: and news that comes twice is as if it came once."""
    once = COMMANDS[command](LIVES[name])
    if isinstance(once, Life):
        assert COMMANDS[command](once) == once


def test_assignment_and_end_of_one_search_commute() -> None:
    """B8, B9: heard in either order, the driver whom matching named has the job."""
    life = LIVES["again"]
    assert give_up(assign(life, ANN, NOW), NOW) == assign(give_up(life, NOW), ANN, NOW) == LIVES["accepted"]


def test_refusal_says_in_which_status_the_job_is() -> None:
    """B10, C12"""
    refusals = [retry(LIVES["arrived"]), advance(LIVES["arrived"], Status.completed, ANN)]
    assert all(isinstance(one, Rejection) and "arrived" in one.message for one in refusals)
