"""The whole stand-in inside the running event loop: Apple's face and the control plane."""

import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from apns_standin.apns import apns_handler, farewell
from apns_standin.checks import Rules
from apns_standin.credentials import key_in, public_half
from apns_standin.provider_token import ProviderTokens
from apns_standin.push import Push
from apns_standin.script import SCRIPTS, Script
from standins.certificates import certificates_in
from standins.control import control_plane
from standins.http2 import listening
from standins.records import Pushes
from standins.running import RunningStandin
from standins.script import Scripts

DEFAULT_KEY_ID = "WAGGLEKEY1"
DEFAULT_TEAM_ID = "WAGGLETEAM"

STREAMS = 1000
"""At once on a connection. Apple's limit varies: 500 to 1,500 were seen."""


@dataclass(frozen=True)
class Standin(RunningStandin[Push, Script]):
    """A running stand-in, and what its senders must know."""

    key_file: Path
    key_id: str
    team_id: str
    topics: frozenset[str]


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
    certificates, key_file = certificates_in(state_dir, host), key_in(state_dir)
    tokens = ProviderTokens(public_half(key_file), key_id, team_id, token_update_interval_s, clock)
    rules = Rules(frozenset(topics), tokens)
    scripts, pushes = Scripts[Script](), Pushes[Push]()
    handler, tls = apns_handler(rules, scripts, pushes, on_push), certificates.server_context()
    async with (
        listening(handler, host, port, tls, streams=STREAMS, farewell=farewell("Shutdown")) as apns_port,
        control_plane(SCRIPTS, scripts, pushes, control_port) as bound_control_port,
    ):
        yield Standin(
            host=host,
            port=apns_port,
            control_port=bound_control_port,
            ca_file=certificates.ca_file,
            key_file=key_file,
            key_id=key_id,
            team_id=team_id,
            topics=rules.topics,
            received=pushes,
            scripts=scripts,
        )
