"""What every event is. The events themselves are in `events`."""

from typing import ClassVar

from contracts.models import Model


class Event(Model):
    """A fact that was committed. Past tense; changed by addition only."""

    type: ClassVar[str]
    source: ClassVar[str]

    def subject(self) -> str:
        """Where it is published."""
        raise TypeError(f"{type(self).__name__} is not addressed")
