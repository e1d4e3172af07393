"""What push is told by its environment."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from push.notifier import Environment
from wire.settings import DatabaseSettings


class Settings(DatabaseSettings):
    """See `wire.settings` for the variables that all services share.

    Without the four of host, key file, key id and team id nothing is sent to APNs, and without the two of
    project id and service account nothing to FCM: deliveries are recorded as dropped. Some of them without
    the others are refused.
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

    fcm_project_id: str | None = Field(default=None, pattern=r"^[a-z0-9-]+$")
    fcm_service_account_file: Path | None = None
    """Google's JSON file with the key of an account that may send for the project."""
    fcm_url: str = Field(default="https://fcm.googleapis.com", pattern=r"^https://[^/]+$")
    fcm_token_url: str | None = Field(default=None, pattern=r"^https://")
    """Where access tokens come from; what the service account's file says when not given."""
    fcm_ca_file: Path | None = None
    """PEM of the authority to trust with both; the system's when not given."""

    push_concurrency: int = Field(default=200, ge=1, le=500)
    """How many pushes may be under way at once to each push service; Apple's sandbox is one of its own."""
    push_timeout_seconds: float = Field(default=5, gt=0, le=60)
    """How long one attempt may take."""
    push_poll_seconds: float = Field(default=1, gt=0)
    """How often deliveries are looked for that nobody announced: retries, and those of another replica."""

    notifications_kept_days: float = Field(default=90, gt=1)
    """How long notifications are kept, with what became of them."""
    devices_kept_days: float = Field(default=270, gt=1)
    """How long a device is kept that was not registered again; apps do that at each start."""

    live_activity_concurrency: int = Field(default=20, ge=1, le=500)
    """How many Live Activities may be brought up to date at once, for their status and for their position
    each. The places of pushes are not theirs (A11)."""
    live_activity_position_seconds: float = Field(default=15, gt=0)
    """How often a Live Activity shows another position of the driver, at most."""
    live_activity_refresh_seconds: float = Field(default=3, gt=0)
    """How often bookings are looked for whose Live Activity another replica registered."""

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

    @model_validator(mode="after")
    def _fcm_whole_or_not_at_all(self) -> Self:
        names = ("fcm_project_id", "fcm_service_account_file")
        missing = [name for name in names if getattr(self, name) is None]
        if len(missing) == 1:
            raise ValueError(f"FCM also needs WAGGLE_{missing[0].upper()}")
        return self
