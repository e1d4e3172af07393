"""What is strange and right all the same: it is taken as it was sent, and every service can carry it."""

import json
from typing import Any

import nats
import pytest

from stack.house import House

from .visitor import Visitor

NOBODY_IS_NEAR = {"lat": -89.9, "lng": 180}


def nested(levels: int) -> Any:
    return {"a": nested(levels - 1)} if levels else 1


STRANGE: dict[str, dict[str, Any]] = {
    "scripts of the world": {"notes": "Grüße 北京 שלום \u202e🚚👩‍👩‍👧 e\u0301"},
    "control characters": {"notes": "\x01\t\r\n\x1b[31m\x7f\u2028\ufeff\ufffe"},
    "code of other languages": {"notes": "'; DROP TABLE booking; -- {{7*7}} ${x} <script> %s %00 \\"},
    "longest texts": {"notes": "é" * 2000, "address": "🚚" * 500},
    "a subject's own signs": {"vehicle_type": "a.b *> $JS.API", "payment_method": "job.created.>"},
    "items of all kinds": {"items": {"": None, "a": [True, 0.1, -0.0, 1e308, 5e-324, "x", [], {}]}},
    "items of many digits": {"items": {"count": 10**4000}},
    "items deep down": {"items": nested(30)},
    "names of our own fields": {"items": {"id": "x", "status": "completed", "__proto__": {}, "$ref": "#"}},
    "smallest price": {"total_price": 0, "cash_to_collect": 0.01},
    "largest price": {"total_price": 9_999_999_999.99},
    "edge of the earth": {"dropoff": {"address": "x", "lat": 90, "lng": -180}},
}


@pytest.mark.parametrize("name", STRANGE)
async def test_strange_order_is_kept_and_dispatched(house: House, visitor: Visitor, name: str) -> None:
    """Answered 201, its search begins; were the event unreadable, it would lie among the dead letters."""
    order = {
        "service_type": "courier",
        "total_price": 5,
        "pickup": {"address": "nowhere", **NOBODY_IS_NEAR},
        **STRANGE[name],
    }
    bus = await nats.connect(house.nats_url, **house.nats_operator)
    searches = await bus.subscribe("search.started.>")
    await bus.flush()
    job = (await visitor.asks("POST", "/v1/bookings", content=json.dumps(order))).json()
    assert {field: job.get(field) for field in order} == order
    kept = (await visitor.asks("GET", f"/v1/bookings/{job['id']}")).json()
    assert {field: kept.get(field) for field in order} == order
    while job["id"] not in (await searches.next_msg(timeout=60)).subject:
        continue
    await bus.close()
    shown = await visitor.asks("GET", f"/v1/jobs/{job['id']}/dispatch", role="admin")
    assert shown.status_code == 200


async def test_strange_driver_is_kept_and_found(visitor: Visitor) -> None:
    """Its id is the `sub` of its tokens, whatever the issuer makes of it."""
    driver = {
        "id": "auth0|a.b*c> é 🚚?&#%2F",
        "name": "Zoë \u202e",
        "phone": "+1 (555) 01-00",
        "approved": True,
    }
    registered = await visitor.asks("POST", "/v1/drivers", role="admin", json=driver)
    assert registered.status_code == 201
    again = await visitor.asks("POST", "/v1/drivers", role="admin", json=driver)
    assert (again.status_code, again.json()["code"]) == (409, "driver_exists")
