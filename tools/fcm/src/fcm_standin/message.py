"""The body of `messages:send`, as far as it goes to one Android phone.

Source: Google, "REST Resource: projects.messages" of FCM HTTP v1. As with every API of Google's, names may be
written in snake_case or lowerCamelCase, unknown ones are refused, and a string must be one.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

LONGEST_TTL_S = 2_419_200
"""Four weeks."""
DURATION = re.compile(r"([0-9]+)(?:\.[0-9]{1,9})?s")
RESERVED_KEY = re.compile(r"from|message_type|gcm.*|google.*")


def is_ttl(text: str) -> str:
    found = DURATION.fullmatch(text)
    if not found or int(found[1]) > LONGEST_TTL_S:
        raise ValueError("Illegal duration format; duration must end with 's', and be from 0 to 2419200")
    return text


def is_data(data: dict[str, str]) -> dict[str, str]:
    for key in data:
        if RESERVED_KEY.fullmatch(key):
            raise ValueError(f"Invalid data payload key: {key}")
    return data


Ttl = Annotated[str, AfterValidator(is_ttl)]
Data = Annotated[dict[str, str], AfterValidator(is_data)]


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel, populate_by_name=True)


class Notification(Form):
    title: str | None = None
    body: str | None = None
    image: str | None = None


class AndroidNotification(Form):
    title: str | None = None
    body: str | None = None
    title_loc_key: str | None = None
    title_loc_args: list[str] | None = None
    body_loc_key: str | None = None
    body_loc_args: list[str] | None = None
    icon: str | None = None
    color: str | None = None
    image: str | None = None
    sound: str | None = None
    tag: str | None = None
    channel_id: str | None = None
    click_action: str | None = None
    ticker: str | None = None
    sticky: bool | None = None
    visibility: Literal["PRIVATE", "PUBLIC", "SECRET"] | None = None
    notification_priority: str | None = None
    default_sound: bool | None = None
    event_time: str | None = None


class Android(Form):
    collapse_key: str | None = None
    priority: Literal["NORMAL", "HIGH", "normal", "high"] | None = None
    ttl: Ttl | None = None
    restricted_package_name: str | None = None
    data: Data | None = None
    notification: AndroidNotification | None = None
    fcm_options: dict[str, Any] | None = None
    direct_boot_ok: bool | None = None


class Message(Form):
    token: str
    notification: Notification | None = None
    data: Data | None = None
    android: Android | None = None
    fcm_options: dict[str, Any] | None = None


class SendRequest(Form):
    message: Message
    validate_only: bool = False
