"""The file by which a sender is configured: the key of a service account, in the form Google hands out."""

import json
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from standins.certificates import write_secret

KEY_BITS = 2048
KEY_ID = "waggle-key-1"


@dataclass(frozen=True)
class ServiceAccount:
    """Who may send for the project, and the key that proves it."""

    project: str
    key: rsa.RSAPrivateKey

    @property
    def email(self) -> str:
        return f"push@{self.project}.iam.gserviceaccount.com"

    def write(self, file: Path, token_url: str) -> None:
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        content = {
            "type": "service_account",
            "project_id": self.project,
            "private_key_id": KEY_ID,
            "private_key": pem.decode(),
            "client_email": self.email,
            "token_uri": token_url,
        }
        write_secret(file, json.dumps(content, indent=2).encode())


def service_account(file: Path, project: str) -> ServiceAccount:
    """With the key of `file`, or a new one if there is no file. ValueError if it holds no RSA key."""
    if not file.exists():
        return ServiceAccount(project, rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS))
    try:
        key = load_pem_private_key(json.loads(file.read_bytes())["private_key"].encode(), password=None)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ValueError(f"{file} is no key of a service account") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(f"{file} holds no RSA key")  # noqa: TRY004  what a file says
    return ServiceAccount(project, key)
