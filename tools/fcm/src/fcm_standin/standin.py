"""The whole stand-in inside the running event loop: Google's face and the control plane."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fcm_standin.access_tokens import LIFE_S, AccessTokens
from fcm_standin.fcm import TOKEN_PATH, fcm_handler
from fcm_standin.push import Push
from fcm_standin.script import SCRIPTS, Script
from fcm_standin.service_account import KEY_ID, service_account
from standins.certificates import certificates_in
from standins.control import control_plane
from standins.http2 import listening
from standins.records import Pushes
from standins.running import RunningStandin
from standins.script import Scripts

DEFAULT_PROJECT = "waggle-local"

STREAMS = 100
"""At once on a connection, as Google's front ends allow."""


@dataclass(frozen=True)
class Standin(RunningStandin[Push, Script]):
    """A running stand-in, and what its senders must know."""

    project: str
    service_account_file: Path
    tokens: AccessTokens
    """Those it has issued: how many, and a way to end them."""


@asynccontextmanager
async def standin(
    state_dir: Path,
    *,
    project: str = DEFAULT_PROJECT,
    host: str = "127.0.0.1",
    port: int = 0,
    control_port: int = 0,
    token_life_s: int = LIFE_S,
    on_push: Callable[[Push], None] = lambda _push: None,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Standin]:
    """Serve until the block ends. Keys and certificates are kept in `state_dir`; port 0 picks a free one.

    `token_life_s` is how long an access token lives; `clock` (seconds since 1970) is what tokens are judged
    by. OSError if a port is taken.
    """
    certificates, file = certificates_in(state_dir, host), state_dir / "service-account.json"
    account = service_account(file, project)
    tokens = AccessTokens(account.key.public_key(), account.email, KEY_ID, token_life_s, clock)
    scripts, pushes = Scripts[Script](), Pushes[Push]()
    handler, tls = fcm_handler(project, tokens, scripts, pushes, on_push), certificates.server_context()
    async with listening(handler, host, port, tls, streams=STREAMS) as bound_port:
        tokens.token_url = f"https://{host}:{bound_port}{TOKEN_PATH}"
        # Before the control plane listens, by which others know that the file is there.
        account.write(file, tokens.token_url)
        async with control_plane(SCRIPTS, scripts, pushes, control_port) as bound_control_port:
            yield Standin(
                host=host,
                port=bound_port,
                control_port=bound_control_port,
                ca_file=certificates.ca_file,
                received=pushes,
                scripts=scripts,
                project=project,
                service_account_file=file,
                tokens=tokens,
            )
