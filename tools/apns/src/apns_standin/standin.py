"""The whole stand-in inside the running event loop: Apple's face and the control plane."""

import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from apns_standin.apns import apns_handler
from apns_standin.checks import Rules
from apns_standin.control import control_plane
from apns_standin.credentials import credentials_in
from apns_standin.http2 import listening
from apns_standin.provider_token import ProviderTokens
from apns_standin.pushes import Push, Pushes
from apns_standin.script import Script, Scripts

DEFAULT_KEY_ID = "WAGGLEKEY1"
DEFAULT_TEAM_ID = "WAGGLETEAM"


@dataclass(frozen=True)
class Standin:
    """A running stand-in: how to reach it, what came in, what to answer."""

    host: str
    port: int
    control_port: int
    ca_file: Path
    key_file: Path
    key_id: str
    team_id: str
    topics: frozenset[str]
    received: Pushes
    scripts: Scripts

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"

    @property
    def control_url(self) -> str:
        return f"http://{self.host}:{self.control_port}"

    def client_context(self) -> ssl.SSLContext:
        """A TLS context for a sender that trusts this stand-in and speaks HTTP/2."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.set_alpn_protocols(["h2"])
        return context

    def pushes(self, token: str | None = None, *, after: int = 0) -> list[Push]:
        """The pushes so far, oldest first; for one device token and above a sequence number if given."""
        return self.received.after(after, token)

    async def next_push(self, token: str | None = None, *, after: int = 0, timeout_s: float = 10) -> Push:
        """The first push above the number `after`, awaited. TimeoutError if none comes in `timeout_s`."""
        found = await self.received.wait_after(after, token, wait_s=timeout_s)
        if not found:
            raise TimeoutError(f"no push for {token or 'any token'} within {timeout_s} s")
        return found[0]

    def script(self, token: str, *scripts: Script) -> None:
        """Answer the next pushes for `token` (`*`: any) as scripted, in order; nothing given ends that."""
        if scripts:
            self.scripts.put(token, *scripts)
        else:
            self.scripts.drop(token)

    def clear(self) -> None:
        """Forget all pushes and scripts."""
        self.received.clear()
        self.scripts.clear()


@asynccontextmanager
async def standin(
    state_dir: Path,
    *,
    topics: Iterable[str],
    key_id: str = DEFAULT_KEY_ID,
    team_id: str = DEFAULT_TEAM_ID,
    host: str = "127.0.0.1",
    port: int = 0,
    control_port: int = 0,
    token_update_interval_s: float | None = None,
    on_push: Callable[[Push], None] = lambda _push: None,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Standin]:
    """Serve until the block ends. Keys and certificates are kept in `state_dir`; port 0 picks a free one.

    `token_update_interval_s` turns on 429 TooManyProviderTokenUpdates (Apple's is 1200); `clock` (seconds
    since 1970) is what provider tokens are judged by. OSError if a port is taken.
    """
    credentials = credentials_in(state_dir, host)
    tokens = ProviderTokens(credentials.public_key(), key_id, team_id, token_update_interval_s, clock)
    rules, scripts, pushes = Rules(frozenset(topics), tokens), Scripts(), Pushes()
    handler = apns_handler(rules, scripts, pushes, on_push)
    async with (
        listening(handler, host, port, credentials.server_context()) as apns_port,
        control_plane(scripts, pushes, control_port) as bound_control_port,
    ):
        running = Standin(
            host=host,
            port=apns_port,
            control_port=bound_control_port,
            ca_file=credentials.ca_file,
            key_file=credentials.key_file,
            key_id=key_id,
            team_id=team_id,
            topics=rules.topics,
            received=pushes,
            scripts=scripts,
        )
        yield running
