"""The key that signs provider tokens."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from standins.certificates import write_secret


def public_half(key_file: Path) -> ec.EllipticCurvePublicKey:
    """The half of the key that Apple keeps. ValueError if the file holds no EC P-256 key."""
    key = load_pem_private_key(key_file.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise ValueError(f"{key_file} is not an EC P-256 private key")
    return key.public_key()


def key_in(state: Path) -> Path:
    """`key.p8` of the folder `state`: PKCS#8 of EC P-256, made if it is missing."""
    key_file = state / "key.p8"
    if not key_file.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_secret(key_file, pem)
    return key_file
