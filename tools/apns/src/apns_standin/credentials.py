"""The files by which a sender is configured: the CA to trust, and the key that signs provider tokens."""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True)
class Credentials:
    """`ca.pem`: what a sender trusts. `server.pem`: our key, our chain. `key.p8`: PKCS#8 of EC P-256."""

    ca_file: Path
    server_file: Path
    key_file: Path

    def server_context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer, offering HTTP/2 alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.server_file)
        context.set_alpn_protocols(["h2"])
        return context

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The half of the key that Apple keeps. ValueError if the file holds no EC P-256 key."""
        key = load_pem_private_key(self.key_file.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise ValueError(f"{self.key_file} is not an EC P-256 private key")
        return key.public_key()


def credentials_in(state: Path, host: str) -> Credentials:
    """The credentials in the folder `state`; what is missing is made, what is there is kept."""
    state.mkdir(parents=True, exist_ok=True)
    credentials = Credentials(state / "ca.pem", state / "server.pem", state / "key.p8")
    if not (credentials.ca_file.exists() and credentials.server_file.exists()):
        ca = trustme.CA()
        leaf = ca.issue_cert(*dict.fromkeys(["localhost", "127.0.0.1", "::1", host]))
        # The CA last: a folder left half made by a crash is made again.
        write_secret(credentials.server_file, leaf.private_key_and_cert_chain_pem.bytes())
        write_secret(credentials.ca_file, ca.cert_pem.bytes())
    if not credentials.key_file.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_secret(credentials.key_file, pem)
    return credentials


def write_secret(path: Path, content: bytes) -> None:
    """Write whole or not at all, readable by the owner alone."""
    draft = path.with_suffix(f"{path.suffix}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)
