"""The certificate by which senders know a stand-in, and the CA that they are told to trust."""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificates:
    """`ca_file`: what a sender trusts. `server_file`: our key and our chain."""

    ca_file: Path
    server_file: Path

    def server_context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer, offering HTTP/2 alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.server_file)
        context.set_alpn_protocols(["h2"])
        return context


def certificates_in(state: Path, host: str) -> Certificates:
    """`ca.pem` and `server.pem` of the folder `state`; what is missing is made, what is there is kept."""
    state.mkdir(parents=True, exist_ok=True)
    certificates = Certificates(state / "ca.pem", state / "server.pem")
    if not (certificates.ca_file.exists() and certificates.server_file.exists()):
        ca = trustme.CA()
        leaf = ca.issue_cert(*dict.fromkeys(["localhost", "127.0.0.1", "::1", host]))
        # The CA last: a folder left half made by a crash is made again.
        write_secret(certificates.server_file, leaf.private_key_and_cert_chain_pem.bytes())
        write_secret(certificates.ca_file, ca.cert_pem.bytes())
    return certificates


def write_secret(path: Path, content: bytes) -> None:
    """Write whole or not at all, readable by the owner alone."""
    draft = path.with_suffix(f"{path.suffix}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
