"""How a process gets onto the bus: who it is (an nkey), and by what it knows the server (TLS)."""

import ssl
from dataclasses import dataclass, field
from typing import Any

from contracts.permissions import inbox_of


@dataclass(frozen=True)
class Access:
    """`seed`: of the nkey that nats-server knows this user by; None for a bus that lets everybody in.

    `ca`: PEM of the authority that signed the server's certificate; None: those that the system trusts.
    """

    seed: str | None = field(default=None, repr=False)
    ca: str | None = None

    def options(self, user: str, url: str) -> dict[str, Any]:
        """For nats-py's `connect`: answers come where only this user may listen; `tls://` means TLS.

        TLS comes before anything else is said (the server's `handshake_first`). In NATS' own order the server
        asks for it in plain text, which somebody in between could leave out.
        """
        options: dict[str, Any] = {"inbox_prefix": inbox_of(user)}
        if self.seed:
            options["nkeys_seed_str"] = self.seed
        if url.startswith("tls://"):
            trusted = ssl.create_default_context(cadata=self.ca)
            options |= {"tls": trusted, "tls_handshake_first": True}
        return options


OPEN = Access()
"""To a bus without users, as tests of a single service have it."""
