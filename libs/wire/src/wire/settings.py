"""What every service is told by its environment, checked before anything connects."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from wire.access import Access


class BusSettings(BaseSettings):
    """Variables are these names with `WAGGLE_` before them, e.g. `WAGGLE_NATS_URL`."""

    model_config = SettingsConfigDict(
        env_prefix="WAGGLE_",
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,  # the input holds secrets
    )

    nats_url: str = "nats://127.0.0.1:4222"
    """`tls://…` for TLS, which the server then has to expect first (`handshake_first`)."""
    nats_nkey_seed: SecretStr | None = None
    """Of the nkey that nats-server knows us by (`python -m wire.keys`). None: only an open bus lets us in."""
    nats_ca: str | None = None
    """PEM of the authority that signed the server's certificate; the system's are trusted when not given."""

    @property
    def access(self) -> Access:
        """For `wire.connection.connect`."""
        seed = self.nats_nkey_seed
        return Access(None if seed is None else seed.get_secret_value(), self.nats_ca)

    @field_validator("nats_nkey_seed")
    @classmethod
    def _is_seed(cls, seed: SecretStr | None) -> SecretStr | None:
        if seed is not None and not re.fullmatch(r"SU[A-Z2-7]{56}", seed.get_secret_value()):
            raise ValueError("not the seed of a user's nkey (SU…)")
        return seed

    @model_validator(mode="after")
    def _authority_means_tls(self) -> Self:
        if self.nats_ca and not self.nats_url.startswith("tls://"):
            raise ValueError("nats_ca is for a nats_url that begins with tls://")
        return self


class ServiceSettings(BusSettings):
    """What every service has, beside its own."""

    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8000, ge=1, le=65535)

    jwt_algorithm: Literal["HS256", "ES256", "RS256"] = "HS256"
    jwt_key: SecretStr | None = Field(default=None, min_length=32)
    """HS256 (development): the shared secret. ES256, RS256: the issuer's public key, PEM."""
    jwt_jwks_url: HttpUrl | None = None
    """Instead of `jwt_key`: where the issuer publishes its public keys (RFC 7517), for ES256 or RS256."""
    jwt_jwks_seconds: float = Field(default=600, gt=0)
    """How often the issuer's keys are read again."""
    jwt_jwks_unknown_seconds: float = Field(default=30, gt=0)
    """They are read again for a token of an unknown key at most this often, however many such tokens come."""
    jwt_issuer: str = "waggle"
    jwt_audience: str = "waggle"

    max_body_bytes: int = Field(default=64 * 1024, ge=1024)
    """Longest request body, in bytes; longer ones are answered 413."""
    keep_alive_seconds: int = Field(default=150, ge=1)
    """How long an idle HTTP connection is kept. Longer than any proxy before us keeps its own: else one may
    send a request into a connection that we are closing, and its client gets a 502."""
    drain_seconds: float = Field(default=10, gt=0)
    """How long work under way may take to end after SIGTERM."""
    consumer_lanes: int = Field(default=16, ge=1, le=256)
    """How many events of different jobs one consumer handles at once."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    trace_file: Path | None = None
    """Finished spans are appended here, one JSON object a line; besides OTLP, if that is configured."""

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> Self:
        if (self.jwt_key is None) == (self.jwt_jwks_url is None):
            raise ValueError("exactly one of jwt_key and jwt_jwks_url must be given")
        if self.jwt_jwks_url and self.jwt_algorithm == "HS256":
            raise ValueError(
                "jwt_jwks_url needs jwt_algorithm ES256 or RS256: a shared secret is published nowhere"
            )
        return self


class DatabaseAccess(BusSettings):
    """Where a database is, and how it is used."""

    database_url: SecretStr
    """`postgresql+asyncpg://…`"""
    database_ca: str | None = None
    """PEM of the authority that signed the database's certificate: then nothing goes there but by TLS, to the
    host that the URL names. Without it the URL says (`?ssl=verify-full` trusts whom the system trusts)."""
    database_pool: int = Field(default=20, ge=1, le=500)
    """Connections at most; whoever finds none free waits. `max_connections` is for those of all replicas."""
    database_statement_seconds: float = Field(default=15, gt=0)
    """How long one statement may take, locks that it waits for included; then the server ends it."""
    database_idle_seconds: float = Field(default=30, gt=0)
    """How long a transaction may do nothing; then the server ends it, and its locks with it."""


class DatabaseSettings(ServiceSettings, DatabaseAccess):
    """A service with a database of its own."""

    outbox_sweep_seconds: float = Field(default=1, gt=0)
    """How often the outbox looks for rows that were committed but not published in line."""
