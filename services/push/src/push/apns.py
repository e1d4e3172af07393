"""Pushes as APNs wants them (Apple, "Sending notification requests to APNs"), and its answers understood."""

import json
import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from aioapns.common import NotificationResult
from aioapns.exceptions import ConnectionClosed
from aioapns.exceptions import ConnectionError as NotConnectedError
from jh2.exceptions import H2Error

from push.apns_connection import Headers
from push.apns_pool import ApnsPool
from push.localized import Localized
from push.notifier import (
    TOO_LATE,
    ActivityUpdate,
    Environment,
    Outcome,
    Push,
    TooLateError,
    Unconfigured,
    Verdict,
)
from push.provider_token import ProviderToken
from push.settings import Settings

# Every outcome is counted and logged by the sender; aioapns would print each as plain text besides.
logging.getLogger("aioapns").setLevel(logging.CRITICAL)

DEAD_TOKEN = frozenset({"BadDeviceToken", "DeviceTokenNotForTopic", "Unregistered", "ExpiredToken"})
TOKEN_EXPIRED = "ExpiredProviderToken"  # noqa: S105  # a reason, not a secret
TOO_MANY_REQUESTS, SERVER_ERROR, OK = 429, 500, 200


class Apns:
    """The Notifier for iPhones. Sandbox and production are two hosts with one provider token."""

    def __init__(self, pools: Mapping[Environment, ApnsPool], provider_token: ProviderToken) -> None:
        self._pools, self._provider_token = pools, provider_token

    async def send(self, push: Push) -> Outcome:
        """One attempt. Trouble with the connection is a retry; the caller bounds the time."""
        return await self._post(push, headers_of(push), payload_of(push))

    async def update(self, update: ActivityUpdate) -> Outcome:
        """The same for a Live Activity."""
        return await self._post(update, activity_headers_of(update), activity_payload_of(update))

    async def _post(self, push: Push | ActivityUpdate, headers: Headers, payload: bytes) -> Outcome:
        pool = self._pools.get(push.environment)
        if pool is None:
            return Outcome(Verdict.dropped, f"apns {push.environment} not configured")
        authorization = self._provider_token.get_header()
        try:
            result = await self._ask(pool, push, headers, payload, authorization)
            if result.description == TOKEN_EXPIRED and (new := self._provider_token.renewed(authorization)):
                result = await self._ask(pool, push, headers, payload, new)
        except TooLateError:
            return TOO_LATE
        except (ConnectionClosed, NotConnectedError, H2Error, OSError) as error:
            return Outcome(Verdict.retry, f"{type(error).__name__}: {error}".strip(" :"), outage=True)
        return outcome_of(result)

    async def _ask(
        self,
        pool: ApnsPool,
        push: Push | ActivityUpdate,
        headers: Headers,
        payload: bytes,
        authorization: str,
    ) -> NotificationResult:
        signed = [*headers, ("authorization", authorization)]
        return await pool.post(push.token, str(push.id), signed, payload, push.expires_at.timestamp())


def headers_of(push: Push) -> list[tuple[str, str]]:
    """All but id and authorization. The expiration is a point in time: it does not drift with retries."""
    return [
        ("apns-topic", push.app),
        ("apns-push-type", "alert"),
        ("apns-priority", "10"),
        ("apns-collapse-id", push.collapse_id),
        ("apns-expiration", str(int(push.expires_at.timestamp()))),
    ]


def payload_of(push: Push) -> bytes:
    """The notification's data stands beside `aps`, as the apps read it."""
    aps: dict[str, object] = {"alert": _alert_of(push), "sound": "default"}
    if push.urgent:
        aps["interruption-level"] = "time-sensitive"
    return _json({**push.data, "aps": aps})


def _alert_of(push: Push) -> dict[str, object]:
    """Apple, "Generating a remote notification": a key is specified instead of the text it stands for."""
    words = push.localized or Localized()
    alert: dict[str, object] = {}
    for name, text, key, args in (
        ("title", push.title, words.title_key, words.title_args),
        ("body", push.body, words.body_key, words.body_args),
    ):
        prefix = "title-loc" if name == "title" else "loc"
        alert |= {name: text} if key is None else {f"{prefix}-key": key, f"{prefix}-args": list(args)}
    return alert


def activity_headers_of(update: ActivityUpdate) -> list[tuple[str, str]]:
    """No collapse id: the timestamp says which state is the latest."""
    return [
        ("apns-topic", f"{update.app}.push-type.liveactivity"),
        ("apns-push-type", "liveactivity"),
        ("apns-priority", "10" if update.urgent else "5"),
        ("apns-expiration", str(int(update.expires_at.timestamp()))),
    ]


def activity_payload_of(update: ActivityUpdate) -> bytes:
    """Apple, "Starting and updating Live Activities with ActivityKit push notifications". No alert: who wants
    one has the notification."""
    aps: dict[str, object] = {
        "timestamp": update.timestamp,
        "event": "end" if update.ends else "update",
        "content-state": dict(update.content),
    }
    for key, at in (("stale-date", update.stale_at), ("dismissal-date", update.dismiss_at)):
        if at is not None:
            aps[key] = int(at.timestamp())
    return _json({"aps": aps})


def _json(payload: dict[str, object]) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def outcome_of(result: NotificationResult) -> Outcome:
    """Apple, "Handling notification responses from APNs". `timestamp` is in milliseconds since 1970."""
    status, reason = int(result.status), result.description
    if status == OK:
        return Outcome(Verdict.sent)
    said = f"{status} {reason}"
    if reason in DEAD_TOKEN:
        since = None if result.timestamp is None else datetime.fromtimestamp(result.timestamp / 1000, UTC)
        return Outcome(Verdict.gone, said, since)
    if status == TOO_MANY_REQUESTS or status >= SERVER_ERROR or reason == TOKEN_EXPIRED:
        return Outcome(Verdict.retry, said, outage=status >= SERVER_ERROR)
    return Outcome(Verdict.failed, said)


@asynccontextmanager
async def open_apns(settings: Settings) -> AsyncIterator[Apns | Unconfigured]:
    """APNs as configured, with its connections closed at the end. OSError or ValueError for bad files."""
    if not settings.apns_configured or settings.apns_key_file is None:
        yield Unconfigured("apns")
        return
    token = ProviderToken(
        settings.apns_key_file.read_text(), str(settings.apns_key_id), str(settings.apns_team_id)
    )
    token.get_header()  # a key that cannot sign is found out now, not by the first push
    tls = ssl.create_default_context(cafile=settings.apns_ca_file)
    tls.set_alpn_protocols(["h2"])
    pools = {
        environment: ApnsPool(host, settings.apns_port, tls, settings.apns_connections)
        for environment, host in settings.apns_hosts.items()
    }
    try:
        yield Apns(pools, token)
    finally:
        for pool in pools.values():
            await pool.aclose()
