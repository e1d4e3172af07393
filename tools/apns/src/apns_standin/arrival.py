"""A request to APNs, in APNs' words."""

from typing import Any

from standins.request import Request

DEVICE_PATH = "/3/device/"


class Arrival(Request):
    """What the checks look at."""

    @classmethod
    def of(cls, request: Request) -> "Arrival":
        return cls(request.method, request.path, request.headers, request.body)

    @property
    def device_token(self) -> str:
        return self.path.removeprefix(DEVICE_PATH)

    @property
    def push_type(self) -> str | None:
        return self.headers.get("apns-push-type")

    @property
    def payload(self) -> dict[str, Any] | None:
        """The JSON object in the body; None if it is anything else."""
        return self.json
