"""What every person of the city shares."""

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from city.edge import Edge
from city.ledger import Ledger

COURIER, HAUL, EXPRESS = "courier", "haul", "express"


@dataclass(frozen=True)
class Habits:
    """Probabilities, and times in sped-up seconds: (shortest, longest)."""

    haul_share: float = 0.06
    express_share: float = 0.06
    posted_twice: float = 0.06
    cancelled: float = 0.10
    retries: float = 0.7
    accepts_offer: float = 0.75
    declines_offer: float = 0.15
    accepts_broadcast: float = 0.3
    insists: float = 0.3
    """Of those who ignored an offer: says yes when told that it no longer stands, as a stale pop-up does."""
    greedy: float = 0.05
    """Says yes to a broadcast job while on another."""
    think: tuple[float, float] = (0.2, 1.2)
    to_pickup: tuple[float, float] = (1.0, 2.2)
    to_dropoff: tuple[float, float] = (1.5, 3.2)
    idle_ping: tuple[float, float] = (18.0, 24.0)
    """Below the 60 s after which a silent driver is taken offline (C4)."""


@dataclass(frozen=True)
class City:
    """The house as its people know it, and where they note what they saw."""

    edge: Edge
    ledger: Ledger
    rng: random.Random
    habits: Habits
    errands: asyncio.TaskGroup
    """Whatever a person does in answer to an event runs here; an error in it ends the run."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """The load is over: no new tries."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Time is up: customers cancel what still goes on."""

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def pick(self, between: tuple[float, float]) -> float:
        return self.rng.uniform(*between)

    def returned(self, seconds: float) -> None:
        """A connection that was lost took so long to be replaced."""
        self.ledger.away.append(seconds)

    def soon(self, errand: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do it beside everything else."""
        return self.errands.create_task(errand)
