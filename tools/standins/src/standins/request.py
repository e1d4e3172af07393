"""One request as it came off the wire, before anybody judged it."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.datastructures import Headers


@dataclass(frozen=True)
class Request:
    """Header names are lower case, the path is without its query, the body is whole."""

    method: str
    path: str
    headers: Headers
    body: bytes

    @cached_property
    def json(self) -> dict[str, Any] | None:
        """The JSON object in the body; None if it is anything else."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return parsed if isinstance(parsed, dict) else None
