"""Words that a service type has of its own: for which notifications, and what can be filled in.

A template has placeholders as `{address}`. There is nothing else in braces: no attributes, no formats, and
no way to write a brace.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field

from contracts.models import Model

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
"""The name is its first group. Filled in one pass: what is filled in is not looked into again."""


class Told(StrEnum):
    """What a notification tells: a job put before drivers, or the status that the job came to."""

    new_job = "new_job"
    offer = "offer"
    accepted = "accepted"
    en_route = "en_route"
    arrived = "arrived"
    in_progress = "in_progress"
    completed = "completed"
    cancelled = "cancelled"
    unfulfilled = "unfulfilled"


_OF_A_JOB = frozenset({"address", "price", "number", "service_type"})
_WITH_A_DRIVER = _OF_A_JOB | {"driver_name"}

PLACEHOLDERS: Mapping[Told, frozenset[str]] = {
    Told.new_job: _OF_A_JOB,
    Told.offer: _OF_A_JOB,
    Told.accepted: frozenset({"service_type", "driver_name"}),
    Told.en_route: _WITH_A_DRIVER,
    Told.arrived: _WITH_A_DRIVER,
    Told.in_progress: _WITH_A_DRIVER,
    Told.completed: _WITH_A_DRIVER,
    Told.cancelled: _OF_A_JOB,
    Told.unfulfilled: frozenset({"service_type", "reason"}),
}
"""What is known when it is told. `price` in whole units, without a currency; `number` is the booking's;
`reason` says why no driver was found (B8, B9)."""


class Words(Model):
    """What one notification says. What is not said is as in the requirements.

    `title` and `body` are templates. The keys name texts in the app, in the phone's language, and their args
    are templates; a key takes the place of its text on the phone, not in the history.
    """

    title: str | None = None
    body: str | None = None
    title_loc_key: str | None = None
    title_loc_args: list[str] = Field(default=[])
    loc_key: str | None = None
    loc_args: list[str] = Field(default=[])
