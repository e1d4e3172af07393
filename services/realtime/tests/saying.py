"""What the table of `outgoing.py` makes of an event."""

from typing import Any

from contracts.events import Event, JobTracked
from realtime.outgoing import OUTGOING


def said(event: Event | JobTracked) -> list[tuple[set[str], str, dict[str, Any]]]:
    """(rooms, event name, payload), in order."""
    return [
        ({room for to in line.to if (room := to(event))}, line.name, line.payload(event))
        for line in OUTGOING[type(event)]
        if line.when(event)
    ]
