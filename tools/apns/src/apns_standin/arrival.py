"""One request as it came off the wire, before anybody judged it."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.datastructures import Headers

DEVICE_PATH = "/3/device/"


@dataclass(frozen=True)
class Arrival:
    """A request to APNs: header names are lower case, the body is whole."""

    method: str
    path: str
    headers: Headers
    body: bytes

    @property
    def device_token(self) -> str:
        return self.path.removeprefix(DEVICE_PATH)

    @property
    def push_type(self) -> str | None:
        return self.headers.get("apns-push-type")

    @cached_property
    def payload(self) -> dict[str, Any] | None:
        """The JSON object in the body; None if it is anything else."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return parsed if isinstance(parsed, dict) else None
