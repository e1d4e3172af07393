"""A stand-in that runs, in the hands of the test that started it."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from standins.records import Pushes, Recorded
from standins.script import Scripted, Scripts

P = TypeVar("P", bound=Recorded)
S = TypeVar("S", bound=Scripted)


@dataclass(frozen=True)
class RunningStandin(Generic[P, S]):
    """How to reach it, what came in, what to answer."""

    host: str
    port: int
    control_port: int
    ca_file: Path
    received: Pushes[P]
    scripts: Scripts[S]

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"

    @property
    def control_url(self) -> str:
        return f"http://127.0.0.1:{self.control_port}"

    def client_context(self) -> ssl.SSLContext:
        """A TLS context for a sender that trusts this stand-in and speaks HTTP/2."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.set_alpn_protocols(["h2"])
        return context

    def pushes(self, token: str | None = None, *, after: int = 0) -> list[P]:
        """The pushes so far, oldest first; for one device token and above a sequence number if given."""
        return self.received.after(after, token)

    async def next_push(self, token: str | None = None, *, after: int = 0, timeout_s: float = 10) -> P:
        """The first push above the number `after`, awaited. TimeoutError if none comes in `timeout_s`."""
        found = await self.received.wait_after(after, token, wait_s=timeout_s)
        if not found:
            raise TimeoutError(f"no push for {token or 'any token'} within {timeout_s} s")
        return found[0]

    def script(self, token: str, *scripts: S) -> None:
        """Answer the next pushes for `token` (`*`: any) as scripted, in order; nothing given ends that."""
        if scripts:
            self.scripts.put(token, *scripts)
        else:
            self.scripts.drop(token)

    def clear(self) -> None:
        """Forget all pushes and scripts."""
        self.received.clear()
        self.scripts.clear()
