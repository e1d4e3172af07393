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
from h2.exceptions import H2Error

from push.apns_connection import ApnsPool
from push.notifier import Environment, Notifier, Outcome, Push, Unconfigured, Verdict
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
        pool = self._pools.get(push.environment)
        if pool is None:
            return Outcome(Verdict.dropped, f"apns {push.environment} not configured")
        headers = [*headers_of(push), ("authorization", self._provider_token.get_header())]
        try:
            result = await pool.post(push.token, str(push.id), headers, payload_of(push))
        except (ConnectionClosed, NotConnectedError, H2Error, OSError) as error:
            return Outcome(Verdict.retry, f"{type(error).__name__}: {error}".strip(" :"))
        if result.description == TOKEN_EXPIRED:
            self._provider_token.refused_as_expired()
        return outcome_of(result)


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
    aps: dict[str, object] = {"alert": {"title": push.title, "body": push.body}, "sound": "default"}
    if push.urgent:
        aps["interruption-level"] = "time-sensitive"
    return json.dumps({**push.data, "aps": aps}, ensure_ascii=False, separators=(",", ":")).encode()


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
        return Outcome(Verdict.retry, said)
    return Outcome(Verdict.failed, said)


@asynccontextmanager
async def open_apns(settings: Settings) -> AsyncIterator[Notifier]:
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
