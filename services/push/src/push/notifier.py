"""The seam to the phones' makers: one push in, what became of it out. APNs is one file behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from push.localized import Localized


class Platform(StrEnum):
    """Whose push service reaches a device."""

    ios = "ios"
    android = "android"


class Environment(StrEnum):
    """Apple keeps two: apps run from Xcode have tokens of the sandbox, installed ones of production."""

    sandbox = "sandbox"
    production = "production"


class Channel(StrEnum):
    """A push service with its own queue and its own fate: one that is slow delays none of the others."""

    apns = "apns"
    apns_sandbox = "apns-sandbox"
    fcm = "fcm"


def channel_of(platform: Platform, environment: Environment) -> Channel:
    """Which push service reaches a device. Google keeps one for all environments."""
    if platform is Platform.android:
        return Channel.fcm
    return Channel.apns_sandbox if environment is Environment.sandbox else Channel.apns


@dataclass(frozen=True)
class Push:
    """One notification for one device. `id` stays the same however often it is sent.

    `app` is the bundle id of the app that registered; `expires_at` is when it is worth nothing any more.
    `localized`: texts of the app's own that take the place of title and body, each that has a key.
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
    localized: Localized | None = None


@dataclass(frozen=True)
class ActivityUpdate:
    """The whole state of one Live Activity. `token` is the activity's own, `app` the bundle id.

    `timestamp` in seconds since 1970: a phone drops what is not newer than what it has. `ends`: this is its
    last state, taken off the screen at `dismiss_at`. `urgent`: to be shown at once, at the price of the
    activity's budget. `stale_at`: when the phone marks it as out of date.
    """

    id: UUID
    token: str
    app: str
    environment: Environment
    timestamp: int
    content: Mapping[str, str | int | float]
    urgent: bool
    ends: bool
    stale_at: datetime | None
    dismiss_at: datetime | None
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
    expired = "expired"
    """Its time was over before there was an answer, or before a byte of it was sent. Of the push service that
    says nothing."""


@dataclass(frozen=True)
class Outcome:
    """A verdict, why, and with `gone` since when the token has been dead, if the push service said so.

    With `retry`: `retry_after` is the wait that the push service asked for, if it did; `outage` says that the
    service itself is in trouble (no connection, no answer, 5xx), whatever push it would be.
    """

    verdict: Verdict
    reason: str | None = None
    dead_since: datetime | None = None
    retry_after: timedelta | None = None
    outage: bool = False


class TooLateError(Exception):
    """It waited for its turn beyond its deadline, and nothing of it was sent."""


TOO_LATE = Outcome(Verdict.expired, "deadline passed")


class Notifier(Protocol):
    """A push service."""

    async def send(self, push: Push) -> Outcome:
        """Send once, but nothing after `expires_at`; may be cancelled. Trouble on the way is an Outcome, not
        an exception."""


class LiveActivities(Protocol):
    """A push service that keeps cards on lock screens true. FCM has no counterpart."""

    async def update(self, update: ActivityUpdate) -> Outcome:
        """As `Notifier.send`."""


class Unconfigured:
    """Stands in for a push service that this deployment has no account with."""

    def __init__(self, service: str) -> None:
        self._outcome = Outcome(Verdict.dropped, f"{service} not configured")

    async def send(self, _push: Push) -> Outcome:
        return self._outcome

    async def update(self, _update: ActivityUpdate) -> Outcome:
        return self._outcome
