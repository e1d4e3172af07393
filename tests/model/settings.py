"""The small worlds that are explored: what `just model` explores, and the smaller ones of the tests."""

from dataclasses import replace
from datetime import timedelta

from tests.model.world import Setting

from matching.states import Policy, Rules, Step

SECOND = timedelta(seconds=1)
LIFE, NO_END = 120 * SECOND, None
OFFER = 30 * SECOND


def cascade(tries: int = 2, *radii_m: int) -> Step:
    """One at a time."""
    return Step(Policy.cascade, OFFER, tries, radii_m or (5_000,))


def group(tries: int = 2, at_once: int = 2) -> Step:
    """Some at once."""
    return Step(Policy.group, OFFER, tries, (5_000,), at_once)


DIRECT = Step(Policy.direct, OFFER, 1, ())
BROADCAST = Step(Policy.broadcast, None, None, (30_000,))
BRIEF_BROADCAST = Step(Policy.broadcast, OFFER, None, (30_000,))
WIDENING = cascade(2, 5_000, 15_000)

ONE_BY_ONE = Rules((cascade(2),), LIFE)
TO_ALL = Rules((BROADCAST,), NO_END)
CLIMBING = Rules((cascade(1), group(), BROADCAST), LIFE)
NAMED_FIRST = Rules((DIRECT, cascade(1)), LIFE)

# The smallest, one for each kind of mistake.
ONE = Setting("cascade, 1 job × 2 drivers", (ONE_BY_ONE,), jobs=1, drivers=2)
ONE_TRY = Setting("cascade of 1 try, 1 × 2", (Rules((cascade(1),), LIFE),), jobs=1, drivers=2)
RETRY = replace(ONE, name="cascade with retry, 1 × 2", attempts=2)
TWO = replace(ONE, name="cascade, 2 × 2", jobs=2)
OPEN = Setting("broadcast, 1 × 2", (TO_ALL,), jobs=1, drivers=2)
MIXED = Setting("cascade beside broadcast, 2 × 2", (ONE_BY_ONE, TO_ALL), drivers=2)
CREW = replace(ONE, name="drivers come and go, 1 × 2", shifts=True, approvals=True)
LADDER = Setting("cascade(1) → group(2) → broadcast, 1 × 3", (CLIMBING,), jobs=1)
NAMED = Setting("direct → cascade, 2 × 2", (NAMED_FIRST,), drivers=2, wishes=(0, 0))

SMALL = (
    replace(RETRY, reasons=True, stepwise=True),
    TWO,
    MIXED,
    NAMED,
    replace(LADDER, reasons=True, stepwise=True),
    replace(CREW, sockets=True),
)
"""What the tests explore."""

FULL = (
    replace(RETRY, name="cascade with retry, no requests, 2 × 2", jobs=2, requests=False),
    replace(RETRY, name="cascade with retry, 1 × 3", drivers=3, attempts=3),
    Setting("cascade, all reasons, 2 × 3", (Rules((cascade(3, 5_000, 15_000),), LIFE),), reasons=True),
    Setting("broadcast, 2 × 3", (TO_ALL,)),
    replace(MIXED, name="cascade beside broadcast, 2 × 3", drivers=3),
    replace(NAMED, name="direct → cascade, 2 × 3", drivers=3),
    replace(LADDER, reasons=True, stepwise=True),
    replace(LADDER, name="cascade(1) → group(2) → broadcast, no requests, 2 × 3", jobs=2, requests=False),
    Setting("broadcast, drivers come and go, 2 × 2", (TO_ALL,), drivers=2, shifts=True),
    replace(TWO, name="cascade, drivers come and go, 2 × 2", shifts=True),
    replace(CREW, name="sockets, 1 × 3", drivers=3, approvals=False, sockets=True),
    replace(CREW, sockets=True),
)
"""What `just model` explores."""
