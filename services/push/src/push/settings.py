"""What push is told by its environment."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from push.notifier import Environment
from wire.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """See `wire.settings` for the variables that all services share.

    Without the four of host, key file, key id and team id nothing is sent to APNs, and deliveries are
    recorded as dropped; some of them without the others are refused.
    """

    environment: Literal["production", "development"] = "production"
    """`development` opens `POST /v1/devices/test-push` (A10)."""

    apns_host: str | None = None
    """Apple's is api.push.apple.com."""
    apns_sandbox_host: str | None = None
    """For devices registered with the sandbox, api.sandbox.push.apple.com; without it they get no pushes."""
    apns_port: int = Field(default=443, ge=1, le=65535)
    apns_ca_file: Path | None = None
    """PEM of the authority to trust; the system's when not given."""
    apns_key_file: Path | None = None
    """The .p8 that signs provider tokens."""
    apns_key_id: str | None = None
    apns_team_id: str | None = None
    apns_customer_topic: str = "app.waggle.customer"
    """Bundle id of the customers' app."""
    apns_driver_topic: str = "app.waggle.driver"
    """Bundle id of the drivers' app."""
    apns_connections: int = Field(default=2, ge=1, le=50)
    """Connections kept open to each host; one carries a thousand pushes at once."""

    push_concurrency: int = Field(default=50, ge=1, le=500)
    """How many pushes may be under way at once."""
    push_timeout_seconds: float = Field(default=5, gt=0, le=60)
    """How long one attempt may take."""
    push_poll_seconds: float = Field(default=1, gt=0)
    """How often deliveries are looked for that nobody announced: retries, and those of another replica."""

    @property
    def apns_configured(self) -> bool:
        return self.apns_host is not None

    @property
    def apns_hosts(self) -> dict[Environment, str]:
        """Where the devices of each environment are reached."""
        hosts = {Environment.production: self.apns_host, Environment.sandbox: self.apns_sandbox_host}
        return {environment: host for environment, host in hosts.items() if host}

    @model_validator(mode="after")
    def _apns_whole_or_not_at_all(self) -> Self:
        names = ("apns_host", "apns_key_file", "apns_key_id", "apns_team_id")
        missing = [name for name in names if getattr(self, name) is None]
        if missing and len(missing) < len(names):
            raise ValueError("APNs also needs " + ", ".join(f"WAGGLE_{name.upper()}" for name in missing))
        return self
