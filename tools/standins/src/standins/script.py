"""Failures on demand: what shall be done to the next pushes for a device token."""

import random
from collections import deque
from typing import Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

ANY_TOKEN = "*"  # noqa: S105  a wildcard, not a secret

Cut = Literal["reset", "goaway"]
"""How a connection ends instead of an answer: TCP reset, or an HTTP/2 GOAWAY frame and then a close."""


SEED = 1
"""Of `share`: the same requests in the same order have the same fate in every run."""


class Scripted(BaseModel):
    """What every service's scripts can say; what is answered is the service's own.

    `times` is how many requests it answers, null for all. `hang_s` waits first. `reset` cuts the TCP
    connection and `goaway` ends the HTTP/2 connection, both without an answer. Below 1, `share` is the part
    of the requests that it answers, drawn by chance; the others are for the next script in the list.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    times: int | None = Field(default=None, ge=1)
    share: float = Field(default=1, gt=0, le=1)
    hang_s: float = Field(default=0, ge=0, allow_inf_nan=False)
    reset: bool = False
    goaway: bool = False

    @model_validator(mode="after")
    def _ends_in_one_way(self) -> Self:
        if self.reset and self.goaway:
            raise ValueError("a connection ends by reset or by goaway, not both")
        return self

    @property
    def cut(self) -> Cut | None:
        return "reset" if self.reset else "goaway" if self.goaway else None


S = TypeVar("S", bound=Scripted)


class Scripts(Generic[S]):
    """The scripts in force by device token (`*`: tokens without their own); each list is used up in order."""

    def __init__(self) -> None:
        self._of_token: dict[str, deque[S]] = {}
        self._chance = random.Random(SEED)

    def put(self, token: str, *scripts: S) -> None:
        """Replace what is scripted for `token`; nothing given means answered normally."""
        self._of_token[token.lower()] = deque(scripts)

    def drop(self, token: str) -> None:
        self._of_token.pop(token.lower(), None)

    def clear(self) -> None:
        self._of_token.clear()

    def listing(self) -> dict[str, list[S]]:
        return {token: list(scripts) for token, scripts in self._of_token.items() if scripts}

    def take(self, token: str) -> S | None:
        """The script for a push to `token`, counted down; None if it is to be answered normally."""
        own = self._of_token.get(token.lower())
        scripts = self._of_token.get(ANY_TOKEN) if own is None else own
        if scripts is None:
            return None
        for place, script in enumerate(scripts):
            if script.share < 1 and self._chance.random() >= script.share:
                continue
            if script.times is not None:
                self._count_down(scripts, place, script.times - 1)
            return script
        return None

    @staticmethod
    def _count_down(scripts: deque[S], place: int, left: int) -> None:
        if left:
            scripts[place] = scripts[place].model_copy(update={"times": left})
        else:
            del scripts[place]
