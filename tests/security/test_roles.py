"""What each role may ask for."""

import pytest

from .visitor import Visitor, verdict

JOB = "0190a0b0-0000-7000-8000-000000000000"
ONLY: dict[tuple[str, str], str] = {
    ("POST", "/v1/bookings"): "user",
    ("GET", f"/v1/bookings/{JOB}/dispatch"): "admin",
    ("POST", "/v1/drivers"): "admin",
    ("GET", "/v1/drivers?west=0&south=0&east=1&north=1"): "admin",
    ("GET", "/v1/drivers/somebody"): "admin",
    ("POST", "/v1/drivers/somebody/approve"): "admin",
    ("POST", "/v1/drivers/somebody/suspend"): "admin",
    ("GET", "/v1/drivers/me"): "pilot",
    ("PUT", "/v1/drivers/me"): "pilot",
    ("POST", "/v1/drivers/me/online"): "pilot",
    ("POST", "/v1/drivers/me/offline"): "pilot",
    ("POST", "/v1/drivers/me/location"): "pilot",
    ("GET", "/v1/jobs/available"): "pilot",
    ("POST", f"/v1/jobs/{JOB}/accept"): "pilot",
    ("POST", f"/v1/jobs/{JOB}/decline"): "pilot",
    ("GET", f"/v1/jobs/{JOB}/dispatch"): "admin",
    ("GET", "/v1/service-types/courier"): "admin",
    ("PUT", "/v1/service-types/courier"): "admin",
    ("POST", "/v1/identities/somebody/revoke"): "admin",
}
BODIES = {
    "/v1/bookings": {"service_type": "courier", "total_price": 1},
    "/v1/drivers": {"id": "somebody", "name": "Dana"},
    "/v1/drivers/me": {"name": "Dana"},
    "/v1/drivers/me/online": {},
    "/v1/drivers/me/location": {"lat": 1, "lng": 1},
    "/v1/service-types/courier": {"steps": [{"policy": "broadcast"}]},
}


@pytest.mark.parametrize(("operation", "role"), ONLY.items(), ids=lambda value: "-".join(value)[:40])
async def test_wrong_role_is_refused(visitor: Visitor, operation: tuple[str, str], role: str) -> None:
    """With a body that the right one could send."""
    method, path = operation
    for other in {"user", "pilot", "admin"} - {role}:
        refusal = await visitor.asks(method, path, role=other, json=BODIES.get(path))  # type: ignore[arg-type]
        assert verdict(refusal) == (403, "forbidden")
