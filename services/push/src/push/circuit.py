"""Whether a push service is asked at all: once it fails everybody, only now and then, to see if it is back.

Pure. Not one of the libraries for this: those wrap a call and refuse it, and a refused call would have been
claimed for nothing; here nothing is claimed that is not going to be sent.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from push.notifier import Outcome, Verdict

TRIPS_AFTER = 5
"""Failures in a row."""
TRIPS_OVER = timedelta(seconds=1)
"""From the first of them to the last: one connection that breaks fails many pushes, but all at once."""
PAUSES = (1, 2, 4, 8, 15)
"""Seconds until the next probe, by the number of those that failed; the last one repeats. Short enough for an
offer that lives 30 s."""


@dataclass(frozen=True)
class Circuit:
    """Of one channel. Closed while `probe_at` is None; open, it lets one probe through at that time.

    `failures` in a row since `failing_since`; `probes` of them failed since it opened.
    """

    failures: int = 0
    failing_since: datetime | None = None
    probe_at: datetime | None = None
    probes: int = 0

    @property
    def is_open(self) -> bool:
        return self.probe_at is not None

    def allowed(self, free: int, now: datetime) -> int:
        """How many of `free` places may be taken up now."""
        if self.probe_at is None:
            return free
        return min(free, 1) if now >= self.probe_at else 0


CLOSED = Circuit()


def probing(circuit: Circuit, lasting: timedelta, now: datetime) -> Circuit:
    """A probe is on its way, which takes `lasting` at most: until then there is no other."""
    return replace(circuit, probe_at=now + lasting) if circuit.is_open else circuit


def judged(circuit: Circuit, outcome: Outcome, now: datetime, *, was_probe: bool) -> Circuit:
    """After an attempt. Whatever the push service answers, it is there; an attempt that its own deadline cut
    short says nothing, and if it was the probe there is another."""
    if outcome.verdict is Verdict.expired:
        return circuit
    return failed(circuit, now, was_probe=was_probe) if outcome.outage else CLOSED


def failed(circuit: Circuit, now: datetime, *, was_probe: bool) -> Circuit:
    """The push service gave no answer, or was in trouble itself. What was under way when the circuit opened
    says nothing new."""
    if circuit.is_open:
        return _probe_failed(circuit, now) if was_probe else circuit
    since, failures = circuit.failing_since or now, circuit.failures + 1
    if failures < TRIPS_AFTER or now - since < TRIPS_OVER:
        return Circuit(failures, since)
    return Circuit(failures, since, now + timedelta(seconds=PAUSES[0]))


def _probe_failed(circuit: Circuit, now: datetime) -> Circuit:
    probes = circuit.probes + 1
    pause = PAUSES[min(probes, len(PAUSES) - 1)]
    return replace(circuit, probe_at=now + timedelta(seconds=pause), probes=probes)
