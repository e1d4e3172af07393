"""What a script can have FCM, or the token endpoint, answer."""

from dataclasses import replace
from typing import Self

from pydantic import Field, TypeAdapter, model_validator

from fcm_standin.answers import BAD_TOKEN, ERRORS, Answer, invalid, refuse, unauthenticated
from standins.script import Scripted

TOKEN_ENDPOINT = "oauth"  # noqa: S105  the name under which it is scripted
UNAUTHENTICATED = "UNAUTHENTICATED"
TOKEN_FIELD = "message.token"  # noqa: S105  a field


class Script(Scripted):
    """One scripted answer; it applies to requests that pass every check.

    `{"error": "UNREGISTERED"}` is enough: status and body follow from Google's table. `UNAUTHENTICATED` is an
    access token that Google calls expired. `field` is what INVALID_ARGUMENT names, as `message.token`.
    `retry_after_s` is sent as Retry-After.
    """

    error: str | None = None
    field: str | None = None
    retry_after_s: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _is_an_answer(self) -> Self:
        if self.error not in {None, UNAUTHENTICATED, *ERRORS}:
            raise ValueError(f"error {self.error!r} is none of Google's")
        if self.field is not None and self.error != "INVALID_ARGUMENT":
            raise ValueError("field goes with INVALID_ARGUMENT only")
        if self.retry_after_s is not None and self.error is None:
            raise ValueError("retry_after_s goes with an error")
        return self

    def answer(self, usual: Answer) -> Answer:
        """The answer this script gives to a request that is otherwise answered as `usual`."""
        answer = usual if self.error is None else self._refusal(self.error)
        return replace(answer, retry_after_s=self.retry_after_s, hang_s=self.hang_s, cut=self.cut)

    def _refusal(self, error: str) -> Answer:
        if error == UNAUTHENTICATED:
            return unauthenticated("ACCESS_TOKEN_EXPIRED")
        if self.field == TOKEN_FIELD:
            return refuse(error, BAD_TOKEN)
        return invalid(self.field, "Invalid value") if self.field else refuse(error)


SCRIPTS: TypeAdapter[Script | list[Script]] = TypeAdapter(Script | list[Script])
"""What the control plane reads."""
