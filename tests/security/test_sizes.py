"""Bodies and headers of a size that nobody needs."""

from collections.abc import AsyncIterator

import pytest

from .visitor import Visitor, verdict

TOO_LARGE = (413, "body_too_large")
AT_ONCE_S = 4.0
"""Less than a service waits for the rest of a body that is too long."""
OPERATIONS = [("POST", "/v1/bookings"), ("POST", "/v1/drivers"), ("POST", "/v1/devices")]


async def chunks(total: int) -> AsyncIterator[bytes]:
    """Sent without saying how much will come."""
    for _ in range(total // 10_000):
        yield b" " * 10_000


@pytest.mark.parametrize("size", [70_000, 2_000_000])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_large_body_is_refused(anywhere: Visitor, method: str, path: str, size: int) -> None:
    """Issue 2, bad input: a 2 MB body; through Caddy and past it."""
    assert verdict(await anywhere.asks(method, path, content=b" " * size)) == TOO_LARGE


@pytest.mark.parametrize("size", [70_000, 2_000_000])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_large_body_in_chunks_is_refused(anywhere: Visitor, method: str, path: str, size: int) -> None:
    assert verdict(await anywhere.asks(method, path, content=chunks(size), timeout=AT_ONCE_S)) == TOO_LARGE


async def test_large_body_needs_no_token_to_be_refused(anywhere: Visitor) -> None:
    refusal = await anywhere.asks("POST", "/v1/bookings", role=None, content=b" " * 2_000_000)
    assert verdict(refusal) == TOO_LARGE


async def test_largest_body_is_taken(anywhere: Visitor) -> None:
    """64 KiB, of which all but the order is white space."""
    order = b'{"service_type": "courier", "total_price": 1}'
    job = await anywhere.asks("POST", "/v1/bookings", content=order.ljust(64 * 1024))
    assert job.status_code == 201
    one_more = await anywhere.asks("POST", "/v1/bookings", content=order.ljust(64 * 1024 + 1))
    assert verdict(one_more) == TOO_LARGE
