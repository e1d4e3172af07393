"""The seam to the phones' makers: one push in, what became of it out. APNs is one file behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class Platform(StrEnum):
    """Whose push service reaches a device."""

    ios = "ios"
    android = "android"


class Environment(StrEnum):
    """Apple keeps two: apps run from Xcode have tokens of the sandbox, installed ones of production."""

    sandbox = "sandbox"
    production = "production"


@dataclass(frozen=True)
class Push:
    """One notification for one device. `id` stays the same however often it is sent.

    `app` is the bundle id of the app that registered; `expires_at` is when it is worth nothing any more.
    """

    id: UUID
    token: str
    app: str
    environment: Environment
    title: str
    body: str
    data: Mapping[str, str]
    collapse_id: str
    urgent: bool
    expires_at: datetime


class Verdict(StrEnum):
    """What became of one attempt."""

    sent = "sent"
    """The push service took it."""
    retry = "retry"
    """It may be taken later."""
    gone = "gone"
    """The device's token is dead."""
    failed = "failed"
    """It will never be taken."""
    dropped = "dropped"
    """There is nobody to give it to."""


@dataclass(frozen=True)
class Outcome:
    """A verdict, why, and with `gone` since when the token has been dead, if the push service said so."""

    verdict: Verdict
    reason: str | None = None
    dead_since: datetime | None = None


class Notifier(Protocol):
    """A push service."""

    async def send(self, push: Push) -> Outcome:
        """Send once; may be cancelled. Trouble on the way is an Outcome, not an exception."""


class Unconfigured:
    """Stands in for a push service that this deployment has no account with."""

    def __init__(self, service: str) -> None:
        self._outcome = Outcome(Verdict.dropped, f"{service} not configured")

    async def send(self, _push: Push) -> Outcome:
        return self._outcome
