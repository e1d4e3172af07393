"""Which sockets must not be told just now what others here are told: those that are catching up (C7).

A socket that comes back is told what it missed, read from the stream up to a horizon that lies after its
subscriptions began; live events go on arriving for it meanwhile and are held. What arrives from before the
horizon, then or later, it has been told already.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from contracts.events import Event, JobCreated, JobEvent
from realtime.progress import Position

MOST_KNOWN = 200
"""Jobs of which it is kept what one socket knows: those that it was told of last."""


@dataclass(frozen=True)
class Told:
    """One emission: sequence of its event, name, payload. `job`: whose state it tells, and its version."""

    seq: int
    name: str
    payload: object
    job: tuple[UUID, int] | None = None


def version_in(event: Event) -> tuple[UUID, int] | None:
    """Job and version that an event tells the state of. That a booking was created is news at any time."""
    if isinstance(event, JobEvent) and not isinstance(event, JobCreated):
        return event.job_id, event.job.version
    return None


class Recovery:
    """`progress`: every event up to it was told to whom it concerns here. None before the edge has begun."""

    def __init__(self) -> None:
        self.progress: Position | None = None
        self._held: dict[str, list[Told]] = {}
        self._ahead: dict[str, int] = {}
        self._horizons: dict[str, int] = {}
        self._known: dict[str, dict[UUID, int]] = {}

    def reach(self, seq: int) -> None:
        """The event at `seq` was told."""
        if self.progress and seq > self.progress.seq:
            self.progress = Position(self.progress.epoch, seq)
        for socket in [socket for socket, horizon in self._ahead.items() if horizon <= seq]:
            del self._ahead[socket]

    def offset(self, seq: int | None) -> str | None:
        """What is sent along with the event at `seq`."""
        return str(Position(self.progress.epoch, seq)) if self.progress and seq is not None else None

    def offset_of(self, socket: str) -> str | None:
        """Of a socket that has caught up: what was told up to now, to it or to everybody. None for others."""
        horizon = self._horizons.get(socket)
        if horizon is None or self.progress is None:
            return None
        return self.offset(max(horizon, self.progress.seq))

    def hold(self, socket: str) -> None:
        """Keep what is said to it from now on, until it has `caught_up`."""
        self._held[socket] = []

    def set_aside(self, sockets: Collection[str], told: Told | None) -> set[str]:
        """Those of `sockets` that are not to be told this now: it is kept for them, or they were told it.

        None: something that is not worth keeping.
        """
        if not self._held and not self._ahead:
            return set()
        holding = self._held.keys() & sockets
        if told is None:
            return holding
        for socket in holding:
            self._held[socket].append(told)
        return holding | {one for one in self._ahead.keys() & sockets if told.seq <= self._ahead[one]}

    def take_held(self, socket: str) -> list[Told]:
        """What was kept for it since the last call."""
        held, self._held[socket] = self._held.get(socket, []), []
        return held

    def knows(self, socket: str, job_id: UUID, version: int) -> None:
        """It was told this state of a job, and not by an event that came here: what comes late (a letter that
        was swept out of an outbox) must not take it back."""
        known = self._known.setdefault(socket, {})
        known[job_id] = max(version, known.pop(job_id, 0))
        if len(known) > MOST_KNOWN:
            del known[next(iter(known))]

    def ahead_of(self, sockets: Collection[str], job: tuple[UUID, int] | None) -> set[str]:
        """Those of `sockets` that know something newer."""
        if job is None or not self._known:
            return set()
        job_id, version = job
        return {one for one in sockets if one in self._known and self._known[one].get(job_id, 0) > version}

    def caught_up(self, socket: str, horizon: int) -> None:
        """It was told all up to the sequence `horizon`; the rest it is told like everybody else."""
        self._held.pop(socket, None)
        self._horizons[socket] = horizon
        if self.progress is None or self.progress.seq < horizon:
            self._ahead[socket] = horizon

    def forget(self, socket: str) -> None:
        """It is gone."""
        self._held.pop(socket, None)
        self._ahead.pop(socket, None)
        self._horizons.pop(socket, None)
        self._known.pop(socket, None)
