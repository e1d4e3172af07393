"""Bodies that are not what they should be: each is refused by name, none is answered 500, nothing is done."""

import json
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import pytest

from stack.tokens import Role

from .visitor import Visitor, verdict

MALFORMED, INVALID = (400, "malformed_json"), (422, "invalid")

JOB = uuid4()
PLACE = {"address": "1 Hive St", "lat": 40.72, "lng": -73.99}
ORDER = {"service_type": "courier", "pickup": PLACE, "dropoff": PLACE, "total_price": 24.5}
RULES = {"steps": [{"policy": "cascade"}]}
ROUTES: dict[str, tuple[str, str, Role, dict[str, Any]]] = {
    "order": ("POST", "/v1/bookings", "user", ORDER),
    "cancel": ("POST", f"/v1/bookings/{JOB}/cancel", "user", {"reason": "too late"}),
    "step": ("POST", f"/v1/bookings/{JOB}/status", "pilot", {"status": "arrived"}),
    "driver": ("POST", "/v1/drivers", "admin", {"id": "never registered", "name": "Dana"}),
    "profile": ("PUT", "/v1/drivers/me", "pilot", {"name": "Dana"}),
    "online": ("POST", "/v1/drivers/me/online", "pilot", {"lat": 40.72, "lng": -73.99}),
    "location": ("POST", "/v1/drivers/me/location", "pilot", {"lat": 40.72, "lng": -73.99}),
    "rules": ("PUT", "/v1/service-types/never-set", "admin", RULES),
}

ITEMS = [("order", "items.a"), ("order", "items.a.b")]
TEXTS = [
    *(("order", f) for f in ("service_type", "vehicle_type", "address", "notes", "payment_method")),
    *(("order", f) for f in ("pickup.address", "dropoff.address")),
    ("cancel", "reason"),
    ("step", "status"),
    *(("driver", f) for f in ("id", "name", "phone", "avatar", "vehicle_type", "truck_type")),
    *(("profile", f) for f in ("name", "phone", "avatar", "vehicle_type", "truck_type")),
    ("online", "vehicle_id"),
    ("rules", "steps.0.policy"),
]
DEGREES = [
    *(("order", f) for f in ("pickup.lat", "pickup.lng", "dropoff.lat", "dropoff.lng")),
    *((route, f) for route in ("online", "location") for f in ("lat", "lng")),
]
NUMBERS = [
    *DEGREES,
    *(("order", f) for f in ("total_price", "cash_to_collect")),
    ("driver", "rating"),
    *(("location", f) for f in ("heading", "speed")),
    *(("rules", f"steps.0.{f}") for f in ("offer_seconds", "tries", "radii_m")),
    *(("rules", f) for f in ("search_seconds", "stale_seconds", "ranking.rating")),
]


async def answer(visitor: Visitor, route: str, content: bytes, **headers: str) -> tuple[int, str]:
    method, path, role, _ = ROUTES[route]
    return verdict(await visitor.asks(method, path, role=role, content=content, headers=headers))


def broken(route: str, field: str, raw: str) -> bytes:
    """The route's good body, but for `field`, which holds `raw`, JSON or not."""
    body = json.loads(json.dumps(ROUTES[route][3]))
    *parents, name = field.split(".")
    there: Any = body
    for parent in parents:
        there = there[int(parent)] if parent.isdigit() else there.setdefault(parent, {})
    there[name] = "@here@"
    return json.dumps(body).replace('"@here@"', raw).encode()


async def answers(visitor: Visitor, route: str, field: str, raws: Iterable[str]) -> set[tuple[str, Any]]:
    """What each of `raws` in this field is answered."""
    return {(raw, await answer(visitor, route, broken(route, field, raw))) for raw in raws}


def all_are(raws: Iterable[str], expected: tuple[int, str]) -> set[tuple[str, Any]]:
    return {(raw, expected) for raw in raws}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"{", MALFORMED),
        (b"{'single': 1}", MALFORMED),
        (b'{"a": 1} {"b": 2}', MALFORMED),
        (b"\x00", MALFORMED),
        (b"NaN", MALFORMED),
        (b'{"a": "\xff\xfe"}', (400, "bad_request")),
        (b'{"a": ' + b"9" * 5000 + b"}", INVALID),
        (b"[" * 20_000 + b"]" * 20_000, INVALID),
        (b'{"a":' * 9_000 + b"1" + b"}" * 9_000, INVALID),
        (b"[]", INVALID),
        (b'"text"', INVALID),
    ],
    ids=lambda value: repr(value)[:16],
)
async def test_body_that_is_no_object_of_json_is_refused(
    visitor: Visitor, route: str, content: bytes, expected: tuple[int, str]
) -> None:
    """Broken, not UTF-8, more digits or levels than anybody can mean, or something else than an object."""
    assert await answer(visitor, route, content) == expected


@pytest.mark.parametrize(("route", "field"), [*TEXTS, *ITEMS])
async def test_text_that_cannot_be_kept_is_refused(visitor: Visitor, route: str, field: str) -> None:
    """NUL and half a surrogate pair, in values and in names."""
    raws = [r'"a\u0000b"', r'"\ud800"', r'"a\uDFFFb"', r'{"\u0000": 1}', r'[{"a\ud800": 1}]']
    assert await answers(visitor, route, field, raws) == all_are(raws, INVALID)


@pytest.mark.parametrize(("route", "field"), TEXTS)
async def test_text_that_is_none_is_refused(visitor: Visitor, route: str, field: str) -> None:
    raws = ["1", "true", '["a"]', '{"a": "b"}']
    assert await answers(visitor, route, field, raws) == all_are(raws, INVALID)


@pytest.mark.parametrize(("route", "field"), [*NUMBERS, *ITEMS])
async def test_number_that_json_does_not_have_is_refused(visitor: Visitor, route: str, field: str) -> None:
    """RFC 8259, section 6."""
    raws = ["NaN", "Infinity", "-Infinity", "[NaN]", '{"a": -Infinity}']
    assert await answers(visitor, route, field, raws) == all_are(raws, MALFORMED)


@pytest.mark.parametrize(("route", "field"), NUMBERS)
async def test_number_that_is_none_or_endless_is_refused(visitor: Visitor, route: str, field: str) -> None:
    raws = ["1e999", "-1e999", "9" * 250 + "e99", "9" * 400, '"north"', "[]", "{}", '"NaN"', '"-inf"']
    assert await answers(visitor, route, field, raws) == all_are(raws, INVALID)


@pytest.mark.parametrize(("route", "field"), DEGREES)
async def test_place_that_is_not_on_earth_is_refused(visitor: Visitor, route: str, field: str) -> None:
    limit = 90 if field.endswith("lat") else 180
    raws = [f"{limit}.0001", f"-{limit}.0001", "1e9"]
    assert await answers(visitor, route, field, raws) == all_are(raws, INVALID)


@pytest.mark.parametrize("field", ["total_price", "cash_to_collect"])
async def test_price_that_cannot_be_paid_is_refused(visitor: Visitor, field: str) -> None:
    """Negative, finer than a cent, or of more than 12 digits."""
    raws = ["-0.01", "-1", "1.005", "0.001", "1e-7", "10000000000", "1e11", '"1,50"', "true"]
    assert await answers(visitor, "order", field, raws) == all_are(raws, INVALID)


async def test_items_nested_too_deeply_are_refused(visitor: Visitor) -> None:
    """Past 200 levels the consumers' JSON parser would not read the event, and the order would be lost."""
    raws = ['{"a":' * depth + "1" + "}" * depth for depth in (60, 210, 260, 900)]
    assert await answers(visitor, "order", "items", raws) == all_are(raws, INVALID)


@pytest.mark.parametrize(
    ("route", "field", "raw"),
    [
        ("order", "service_type", '""'),
        ("order", "service_type", "null"),
        ("order", "total_price", "null"),
        ("order", "pickup", '"1 Hive St"'),
        ("order", "pickup", '{"lat": 1, "lng": 1}'),
        ("order", "pickup.address", json.dumps("é" * 501)),
        ("order", "notes", json.dumps("n" * 2001)),
        ("order", "items", "[1, 2]"),
        ("cancel", "reason", json.dumps("r" * 501)),
        ("step", "status", '"flying"'),
        ("driver", "id", '""'),
        ("driver", "id", json.dumps("i" * 256)),
        ("driver", "name", '""'),
        ("driver", "rating", "5.1"),
        ("driver", "approved", '"perhaps"'),
        ("location", "heading", "360.5"),
        ("location", "speed", "-1"),
        ("rules", "steps.0.policy", '"lottery"'),
        ("rules", "steps.0.offer_seconds", "0"),
        ("rules", "steps.0.tries", "1.5"),
        ("rules", "steps.0.radii_m", "[0]"),
        ("rules", "steps.0.radii_m", "[]"),
        ("rules", "steps.0.surprise", "1"),
        ("rules", "steps", "[]"),
        ("rules", "ranking.rating", "-1"),
    ],
    ids=lambda value: value[:20],
)
async def test_value_out_of_its_bounds_is_refused_and_named(
    visitor: Visitor, route: str, field: str, raw: str
) -> None:
    method, path, role, _ = ROUTES[route]
    refusal = await visitor.asks(method, path, role=role, content=broken(route, field, raw))
    assert verdict(refusal) == INVALID
    assert all(error["field"].startswith(f"body.{field}") for error in refusal.json()["errors"])


@pytest.mark.parametrize(
    "content_type",
    ["application/json; charset=utf-8", "APPLICATION/JSON", "application/x+json", "text/plain"],
)
async def test_no_content_type_leads_around_the_checks(visitor: Visitor, content_type: str) -> None:
    content = broken("order", "notes", r'"\ud800"')
    assert await answer(visitor, "order", content, **{"Content-Type": content_type}) == INVALID


async def test_unknown_service_type_is_refused(visitor: Visitor) -> None:
    content = broken("order", "service_type", '"teleport"')
    assert await answer(visitor, "order", content) == (422, "unknown_service_type")


async def test_nothing_that_was_refused_was_done(visitor: Visitor) -> None:
    """After all of the above: its visitor has no booking, and neither driver nor service type came to be."""
    assert (await visitor.asks("GET", "/v1/bookings")).json()["items"] == []
    nowhere = {
        "profile": await visitor.asks("GET", "/v1/drivers/me", role="pilot"),
        "driver": await visitor.asks("GET", "/v1/drivers/never%20registered", role="admin"),
        "service type": await visitor.asks("GET", "/v1/service-types/never-set", role="admin"),
    }
    assert {what: verdict(one) for what, one in nowhere.items()} == dict.fromkeys(nowhere, (404, "not_found"))
