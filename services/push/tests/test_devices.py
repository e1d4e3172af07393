from typing import Any
from uuid import uuid4

import httpx
import pytest

from push.notifier import Platform
from push.usecases import device_token
from wire.problem import ProblemError

World = Any
TOKEN = "0123456789abcdef" * 4


async def test_a_device_is_registered_listed_and_unregistered(world: World) -> None:
    """A10: with its platform, app and environment; its app follows from the role when not named."""
    pilot = world.auth("pilot", "pilot")
    answer = await world.http.post("/v1/devices", json={"token": TOKEN}, headers=pilot)
    assert answer.status_code == 201
    (device,) = (await world.http.get("/v1/devices", headers=pilot)).json()["items"]
    assert device == answer.json()
    assert (device["token"], device["platform"], device["environment"]) == (TOKEN, "ios", "production")
    assert device["app"] == "app.waggle.driver"
    assert (await world.http.delete(f"/v1/devices/{TOKEN}", headers=pilot)).status_code == 204
    assert await world.devices("pilot") == []


async def test_a_user_has_many_devices_last_seen_first(world: World) -> None:
    """A10"""
    first, second = [await world.register("user") for _ in range(2)]
    assert await world.devices("user") == [second, first]
    await world.register("user", token=first)
    assert await world.devices("user") == [first, second]


async def test_registering_again_moves_the_token_to_its_new_user(world: World) -> None:
    """A10: however the token's letters are written."""
    await world.register("old", token=TOKEN)
    await world.register("new", token=TOKEN.upper())
    assert (await world.devices("old"), await world.devices("new")) == ([], [TOKEN])


async def test_a_phone_that_registers_again_is_seen_again(world: World) -> None:
    """A10: 201 for a phone that is new to its user, 200 for one that is not; apps register at each start."""
    ann, bob = world.auth("ann"), world.auth("bob")

    async def register(who: dict[str, str]) -> httpx.Response:
        answer: httpx.Response = await world.http.post("/v1/devices", json={"token": TOKEN}, headers=who)
        return answer

    first, again, moved = [await register(who) for who in (ann, ann, bob)]
    assert [answer.status_code for answer in (first, again, moved)] == [201, 200, 201]
    assert first.json()["last_seen"] < again.json()["last_seen"] < moved.json()["last_seen"]


async def test_beyond_twenty_devices_the_one_not_seen_for_longest_is_forgotten(world: World) -> None:
    tokens = [await world.register("user") for _ in range(21)]
    assert await world.devices("user") == tokens[:0:-1]


@pytest.mark.parametrize(
    "token", ["", "not hex", "ab" * 31, "ab" * 101, "a" * 65, "zz" * 32, "ab" * 32 + "\x00", "ab" * 32 + "\n"]
)
def test_no_iphone_has_a_token_that_is_not_64_to_200_hex_digits(token: str) -> None:
    """A10"""
    with pytest.raises(ProblemError) as refused:
        device_token(token, Platform.ios)
    assert (refused.value.problem.status, refused.value.problem.code) == (422, "invalid_device_token")


def test_a_token_of_64_to_200_hex_digits_is_kept_in_lower_case() -> None:
    """A10"""
    assert device_token("AB" * 32, Platform.ios) == "ab" * 32
    assert device_token("ab" * 100, Platform.ios) == "ab" * 100


async def test_a_bad_registration_gets_a_clear_answer(world: World) -> None:
    """A10: 422 as problem+json, with a stable code."""
    for body, code in [
        ({"token": "not hex"}, "invalid_device_token"),
        ({"token": TOKEN + "\n"}, "invalid_device_token"),
        ({}, "invalid"),
        ({"token": 12}, "invalid"),
        ({"token": TOKEN, "platform": "windows"}, "invalid"),
        ({"token": TOKEN, "environment": "test"}, "invalid"),
        ({"token": TOKEN, "app": "com.somebody.else"}, "unknown_app"),
    ]:
        answer = await world.http.post("/v1/devices", json=body, headers=world.auth("user"))
        assert (answer.status_code, answer.json()["code"]) == (422, code), body
        assert answer.headers["content-type"] == "application/problem+json"
    for token in ("not-a-token", "ab" * 600, "%2e%2e"):
        answer = await world.http.delete(f"/v1/devices/{token}", headers=world.auth("user"))
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_device_token"), token


async def test_an_android_phone_registers_with_a_token_of_its_own_kind(world: World) -> None:
    token = "fMEP0vJqS0:APA91bHqX-J9_pq" * 4
    await world.register("user", token=token, platform="android")
    assert await world.devices("user") == [token]


async def test_another_users_device_cannot_be_unregistered(world: World) -> None:
    await world.register("owner", token=TOKEN)
    answer = await world.http.delete(f"/v1/devices/{TOKEN}", headers=world.auth("thief"))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await world.devices("owner") == [TOKEN]


async def test_nobody_without_a_good_token_gets_in(world: World) -> None:
    for method, path in [
        ("POST", "/v1/devices"),
        ("GET", "/v1/devices"),
        ("DELETE", f"/v1/devices/{TOKEN}"),
        ("POST", "/v1/devices/test-push"),
        ("GET", "/v1/notifications"),
        ("POST", f"/v1/notifications/{uuid4()}/read"),
        ("POST", "/v1/notifications/read-all"),
    ]:
        answer = await world.http.request(method, path, json={"token": TOKEN})
        assert (answer.status_code, answer.json()["code"]) == (401, "token_missing"), path


async def test_a_test_push_reaches_the_callers_devices(world: World) -> None:
    """A10: a test-push endpoint outside production."""
    token = await world.register("user")
    answer = await world.http.post("/v1/devices/test-push", headers=world.auth("user"))
    assert (answer.status_code, answer.json()) == (202, {"devices": 1})
    push = await world.apns.next_push(token)
    assert (push.title, push.body) == ("Test Push", "Pushes reach this device")
    assert {key: value for key, value in push.payload.items() if key != "aps"} == {"type": "test"}


async def test_in_production_there_is_no_test_push(stopped: World) -> None:
    """A10"""
    await stopped.start(environment="production")
    token = await stopped.register("user")
    answer = await stopped.http.post("/v1/devices/test-push", headers=stopped.auth("user"))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await stopped.deliveries(token) == []
