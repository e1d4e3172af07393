"""Pushes by FCM HTTP v1, for Android phones."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx

from push.fcm_answers import needs_new_token, outcome_of
from push.fcm_message import message_of
from push.google_connection import GoogleConnection, http2_client
from push.google_token import GoogleToken, TokenError, service_account
from push.notifier import TOO_LATE, Notifier, Outcome, Push, TooLateError, Unconfigured, Verdict
from push.settings import Settings

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


class Fcm:
    """The Notifier for Android phones. FCM has no id for a push: one that is sent again comes again, and on
    the phone takes the place of the first by its tag."""

    def __init__(self, url: str, token: GoogleToken, connection: GoogleConnection) -> None:
        self._url, self._token, self._connection = url, token, connection

    async def send(self, push: Push) -> Outcome:
        """One attempt, and another at once if the access token had ended. Trouble with the connection is a
        retry; the caller bounds the time."""
        try:
            token = await self._token.get()
            answer = await self._ask(push, token)
            if needs_new_token(answer):
                self._token.refused(token)
                answer = await self._ask(push, await self._token.get())
        except TooLateError:
            return TOO_LATE
        except TokenError as error:
            return Outcome(Verdict.retry, str(error), outage=True)
        except httpx.RequestError as error:
            reason = f"{type(error).__name__}: {error}".strip(" :")
            return Outcome(Verdict.retry, reason, outage=True)
        return outcome_of(answer, datetime.now(UTC))

    async def _ask(self, push: Push, token: str) -> httpx.Response:
        body = json.dumps(message_of(push, datetime.now(UTC)), ensure_ascii=False, separators=(",", ":"))
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        deadline = push.expires_at.timestamp()
        return await self._connection.post(
            self._url, content=body.encode(), headers=headers, deadline=deadline
        )


@asynccontextmanager
async def open_fcm(settings: Settings) -> AsyncIterator[Notifier]:
    """FCM as configured, with its connection closed at the end. OSError or ValueError for bad files."""
    if settings.fcm_project_id is None or settings.fcm_service_account_file is None:
        yield Unconfigured("fcm")
        return
    account = service_account(settings.fcm_service_account_file.read_text(), settings.fcm_token_url)
    account.assertion(SCOPE, 0)  # a key that cannot sign is found out now, not by the first push
    tls = ssl.create_default_context(cafile=settings.fcm_ca_file)
    connection = GoogleConnection(lambda: http2_client(tls, settings.push_timeout_seconds))
    token = GoogleToken(account, SCOPE, connection.post)
    url = f"{settings.fcm_url}/v1/projects/{settings.fcm_project_id}/messages:send"
    try:
        yield Fcm(url, token, connection)
    finally:
        await token.aclose()
        await connection.aclose()
