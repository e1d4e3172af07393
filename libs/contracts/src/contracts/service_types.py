"""What is told of service types. The rules by which jobs are dispatched stay with matching."""

from pydantic import Field

from contracts.event import Event
from contracts.ids import to_token
from contracts.wording import Words


class ServiceTypeChanged(Event):
    """An admin set a service type up, or set it anew: `service_type.changed.<name>` (SERVICE_TYPES).

    `version` grows with each change. `wording`: what its notifications say, by their name (`Told`).
    """

    type = "service_type.changed"
    source = "/waggle/matching"
    service_type: str
    version: int
    wording: dict[str, Words] = Field(default={})

    def subject(self) -> str:
        return f"{self.type}.{to_token(self.service_type)}"
