"""Failures on demand: what shall be answered to the next pushes for a device token."""

import time
from collections import deque
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from apns_standin.answers import GONE, STATUS_OF_REASON, Answer, Cut

ANY_TOKEN = "*"  # noqa: S105  a wildcard, not a secret
OK = 200


class Script(BaseModel):
    """One scripted answer; it applies to requests that pass every check.

    `{"reason": "Unregistered"}` is enough: the status follows from Apple's table. `times` is how many
    requests it answers, null for all. `hang_s` waits first. `reset` cuts the TCP connection and `goaway`
    ends the HTTP/2 connection, both without an answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: int = Field(default=OK, ge=200, le=599)
    reason: str | None = None
    timestamp_ms: int | None = Field(default=None, ge=0)
    times: int | None = Field(default=None, ge=1)
    hang_s: float = Field(default=0, ge=0, allow_inf_nan=False)
    reset: bool = False
    goaway: bool = False

    @model_validator(mode="after")
    def _is_an_answer(self) -> Self:
        if self.reset and self.goaway:
            raise ValueError("a connection ends by reset or by goaway, not both")
        if self.answer_status == OK and self.reason and not self.goaway:
            raise ValueError(f"reason {self.reason!r} is none of Apple's: name the status too")
        if self.answer_status != OK and self.reason is None:
            raise ValueError(f"status {self.status} needs a reason")
        if self.timestamp_ms is not None and self.answer_status != GONE:
            raise ValueError("timestamp_ms goes with 410 only")
        return self

    @property
    def answer_status(self) -> int:
        if "status" in self.model_fields_set or self.reason is None:
            return self.status
        return STATUS_OF_REASON.get(self.reason, self.status)

    def answer(self, now_s: float) -> Answer:
        """The answer this script gives to a request that arrived at `now_s`."""
        status = self.answer_status
        since_ms = int(now_s * 1000) if self.timestamp_ms is None else self.timestamp_ms
        cut: Cut | None = "reset" if self.reset else "goaway" if self.goaway else None
        return Answer(status, self.reason, since_ms if status == GONE else None, self.hang_s, cut)


class Scripts:
    """The scripts in force by device token (`*`: tokens without their own); each list is used up in order."""

    def __init__(self) -> None:
        self._of_token: dict[str, deque[Script]] = {}

    def put(self, token: str, *scripts: Script) -> None:
        """Replace what is scripted for `token`; nothing given means answered normally."""
        self._of_token[token.lower()] = deque(scripts)

    def drop(self, token: str) -> None:
        self._of_token.pop(token.lower(), None)

    def clear(self) -> None:
        self._of_token.clear()

    def listing(self) -> dict[str, list[Script]]:
        return {token: list(scripts) for token, scripts in self._of_token.items() if scripts}

    def take(self, token: str) -> Answer | None:
        """The scripted answer to a push for `token` that arrives now, counted down; None if there is none."""
        own = self._of_token.get(token.lower())
        scripts = self._of_token.get(ANY_TOKEN) if own is None else own
        if not scripts:
            return None
        script = scripts[0]
        if script.times is not None:
            scripts.popleft()
            if script.times > 1:
                scripts.appendleft(script.model_copy(update={"times": script.times - 1}))
        return script.answer(time.time())
