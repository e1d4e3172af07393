"""What a script can have APNs answer."""

from typing import Self

from pydantic import Field, TypeAdapter, model_validator

from apns_standin.answers import GONE, STATUS_OF_REASON, Answer
from standins.script import Scripted

OK = 200


class Script(Scripted):
    """One scripted answer; it applies to requests that pass every check.

    `{"reason": "Unregistered"}` is enough: the status follows from Apple's table.
    """

    status: int = Field(default=OK, ge=200, le=599)
    reason: str | None = None
    timestamp_ms: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _is_an_answer(self) -> Self:
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
        return Answer(status, self.reason, since_ms if status == GONE else None, self.hang_s, self.cut)


SCRIPTS: TypeAdapter[Script | list[Script]] = TypeAdapter(Script | list[Script])
"""What the control plane reads."""
