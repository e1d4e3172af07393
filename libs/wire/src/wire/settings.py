"""What every service is told by its environment, checked before anything connects."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, HttpUrl, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceSettings(BaseSettings):
    """Variables are these names with `WAGGLE_` before them, e.g. `WAGGLE_NATS_URL`."""

    model_config = SettingsConfigDict(
        env_prefix="WAGGLE_",
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,  # the input holds secrets
    )

    nats_url: str = "nats://127.0.0.1:4222"
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


class DatabaseSettings(ServiceSettings):
    """A service with a database of its own."""

    database_url: SecretStr
    """`postgresql+asyncpg://…`"""
    database_pool: int = Field(default=20, ge=1, le=500)
    outbox_sweep_seconds: float = Field(default=1, gt=0)
    """How often the outbox looks for rows that were committed but not published in line."""
