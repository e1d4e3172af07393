"""An issuer of tokens: keys of its own, published over HTTP as its tests want it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from stack.ports import HOST

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
DAY = 86_400
"""Seconds. Some tokens are made when the tests are collected, and used minutes later."""


def new_key(algorithm: str) -> PrivateKey:
    """ES256 or RS256."""
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65537, 2048)


def public_jwk(name: str, key: PrivateKey, **changed: Any) -> dict[str, Any]:
    """As an issuer publishes it, but for what is given; None leaves a member out."""
    if isinstance(key, rsa.RSAPrivateKey):
        made = {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "alg": "RS256"}
    else:
        made = {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "alg": "ES256"}
    made = {**made, "kid": name, "use": "sig", **changed}
    return {name: value for name, value in made.items() if value is not None}


def signed(key: PrivateKey, kid: str | None, header: dict[str, Any] | None = None, **changed: Any) -> str:
    """A good token, but for what is given."""
    claims = {"sub": "u|1", "role": "user", "iss": "waggle", "aud": "waggle", "exp": int(time.time()) + DAY}
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    named = {} if kid is None else {"kid": kid}
    return jwt.encode(claims | changed, key, algorithm, named | (header or {}))


def pem(key: PrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def hmac_by(secret: str, kid: str = "first") -> str:
    """A token of an admin, signed with this as a secret; PyJWT itself refuses to sign with a public key."""
    claims = {"sub": "u", "role": "admin", "iss": "waggle", "aud": "waggle", "exp": int(time.time()) + 600}
    algorithm = jwt.get_algorithm_by_name("HS256")
    head, body, _ = jwt.encode(claims, "x" * 32, "HS256", {"kid": kid}).split(".")
    signature = algorithm.sign(f"{head}.{body}".encode(), secret.encode())
    return f"{head}.{body}.{jwt.utils.base64url_encode(signature).decode()}"


def document(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


@dataclass
class Issuer:
    """`asked` counts requests. While `open` is not set, they are held."""

    algorithm: str = "ES256"
    keys: dict[str, PrivateKey] = field(default_factory=dict)
    body: bytes | None = None
    """Instead of the keys."""
    head: str = "200 OK"
    """Status, and more header lines if need be."""
    drips: bool = False
    """It sends the head, and of the body a byte now and then, for ever."""
    port: int = 0
    asked: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/keys"

    def rotate(self, kid: str) -> None:
        """From now on there is this key, besides the older ones."""
        self.keys[kid] = new_key(self.algorithm)

    def token(self, kid: str, **changed: Any) -> str:
        return signed(self.keys[kid], kid, **changed)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["Issuer"]:
        """At the port it has, once it has one."""
        server = await asyncio.start_server(self._answer, HOST, self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            await self.open.wait()
            body = self.body
            if body is None:
                body = document(*(public_jwk(kid, key) for kid, key in self.keys.items()))
            length = 100_000 if self.drips else len(body)
            head = f"HTTP/1.1 {self.head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode())
            while self.drips:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)
            writer.write(body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
