"""What is asked for and is not there, or cannot be asked for."""

from uuid import UUID

import pytest

from stack.tokens import Role

from .visitor import Visitor, verdict

NOWHERE, INVALID = (404, "not_found"), (422, "invalid")
UNKNOWN = UUID("4ed1f08e-f238-406f-8879-bd65b6738532")


@pytest.mark.parametrize(
    ("method", "path", "role", "body"),
    [
        ("GET", f"/v1/bookings/{UNKNOWN}", "user", None),
        ("GET", f"/v1/bookings/{UNKNOWN}/track", "user", None),
        ("POST", f"/v1/bookings/{UNKNOWN}/cancel", "user", None),
        ("POST", f"/v1/bookings/{UNKNOWN}/retry", "user", None),
        ("POST", f"/v1/bookings/{UNKNOWN}/status", "pilot", {"status": "arrived"}),
        ("POST", f"/v1/jobs/{UNKNOWN}/accept", "pilot", None),
        ("POST", f"/v1/jobs/{UNKNOWN}/decline", "pilot", None),
        ("GET", f"/v1/jobs/{UNKNOWN}/dispatch", "admin", None),
        ("GET", f"/v1/drivers/{UNKNOWN}", "admin", None),
        ("POST", f"/v1/drivers/{UNKNOWN}/approve", "admin", None),
        ("POST", f"/v1/drivers/{UNKNOWN}/suspend", "admin", None),
        ("GET", "/v1/drivers/me", "pilot", None),
        ("POST", "/v1/drivers/me/offline", "pilot", None),
        ("POST", "/v1/drivers/me/location", "pilot", {"lat": 1, "lng": 1}),
        ("GET", "/v1/service-types/unheard-of", "admin", None),
        ("GET", "/v1/bookings/a/b/c", "user", None),
        ("GET", f"/v1/jobs/{UNKNOWN}", "admin", None),
        ("GET", "/v1/drivers/half%ed%a0%80character", "admin", None),
    ],
)
async def test_what_is_unknown_is_not_found(
    anywhere: Visitor, method: str, path: str, role: Role, body: dict[str, object] | None
) -> None:
    assert verdict(await anywhere.asks(method, path, role=role, json=body)) == NOWHERE


@pytest.mark.parametrize(
    "bad", ["nope", "12345678-1234-1234-1234-12345678901", "%00", "%ff", "1e5", "é" * 50]
)
async def test_id_that_is_none_is_refused(anywhere: Visitor, bad: str) -> None:
    refusals = {
        await_ing: verdict(await anywhere.asks(method, await_ing.format(bad), role=role))  # type: ignore[arg-type]
        for method, await_ing, role in [
            ("GET", "/v1/bookings/{}", "user"),
            ("GET", "/v1/bookings?before={}", "user"),
            ("GET", "/v1/bookings/{}/track", "user"),
            ("GET", f"/v1/bookings/{UNKNOWN}/track?after={{}}", "user"),
            ("POST", "/v1/bookings/{}/retry", "user"),
            ("POST", "/v1/jobs/{}/accept", "pilot"),
            ("POST", "/v1/jobs/{}/decline", "pilot"),
            ("GET", "/v1/jobs/{}/dispatch", "admin"),
        ]
    }
    assert set(refusals.values()) == {INVALID if bad != "%00" else (400, "bad_request")}


@pytest.mark.parametrize("path", ["/v1/drivers/a%00b", "/v1/service-types/%00", "/v1/service-types?x=%00"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
async def test_nul_in_an_address_is_refused(anywhere: Visitor, method: str, path: str) -> None:
    assert verdict(await anywhere.asks(method, path, role="admin")) == (400, "bad_request")


@pytest.mark.parametrize("limit", ["0", "-1", "101", "1.5", "ten", "9" * 400, "", "NaN"])
async def test_page_of_an_impossible_size_is_refused(anywhere: Visitor, limit: str) -> None:
    refusal = await anywhere.asks("GET", "/v1/bookings", params={"limit": limit})
    assert verdict(refusal) == INVALID


@pytest.mark.parametrize("name", ["Courier", "-x", "a b", "x" * 51, "é"])
async def test_service_type_needs_a_plain_name(anywhere: Visitor, name: str) -> None:
    refusal = await anywhere.asks(
        "PUT", f"/v1/service-types/{name}", role="admin", json={"steps": [{"policy": "cascade"}]}
    )
    assert verdict(refusal) == INVALID


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/bookings"),
        ("DELETE", "/v1/bookings"),
        ("PATCH", f"/v1/bookings/{UNKNOWN}"),
        ("DELETE", f"/v1/bookings/{UNKNOWN}"),
        ("GET", f"/v1/bookings/{UNKNOWN}/cancel"),
        ("POST", f"/v1/bookings/{UNKNOWN}/track"),
        ("PUT", "/v1/drivers"),
        ("DELETE", "/v1/drivers/me"),
        ("GET", f"/v1/jobs/{UNKNOWN}/accept"),
        ("POST", "/v1/jobs/available"),
        ("DELETE", "/v1/service-types/courier"),
        ("OPTIONS", "/v1/bookings"),
        ("TRACE", "/v1/bookings"),
        ("BREW", "/v1/bookings"),
    ],
)
async def test_wrong_method_is_refused(anywhere: Visitor, method: str, path: str) -> None:
    refusal = await anywhere.asks(method, path, role="admin")
    assert verdict(refusal) == (405, "method_not_allowed")
    assert refusal.headers["allow"]
