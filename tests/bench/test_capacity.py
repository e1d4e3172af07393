"""`just bench capacity` does its work at tiny sizes. How much that took decides nothing here."""

import asyncio

import pytest
from bench.capacity.load_process import Load, loading
from bench.capacity.measure import ENV, figures
from bench.capacity.meter import PARTS
from bench.capacity.run import Sizes, Step, orders, positions

from stack.running import running

TINY = Sizes(
    crew=20,
    orders=(0, 60),
    customers=10,
    step_s=0.1,
    rides=5,
    ride_s=(1.1,),
    window_s=3,
    settle_s=1,
    pace=0,
)
EVENTS_AN_ORDER = 10
"""Of the stream, at least: created, offered, assigned, four steps, and what is said of them."""


def ignore(_title: str, _step: Step) -> None:
    pass


async def fails(load: Load) -> None:
    """Order until the load says that something failed; figures of that would be wrong."""
    await load.do("order", 600, TINY.step_s)
    while True:
        await load.do("count")
        await asyncio.sleep(0.05)


@pytest.mark.timeout(300)
async def test_what_orders_and_positions_take_is_counted_and_what_fails_is_told() -> None:
    async with running(caddy=False, durable=False, env=ENV) as house, loading(house) as load:
        idle, busy = await orders(house, load, TINY, ignore)
        await load.do("order", 0, TINY.step_s)
        (driving,) = await positions(house, load, TINY, ignore)
        await house.stop("booking")
        with pytest.raises(RuntimeError, match="the load failed"):
            await fails(load)

    assert idle.x == 0
    assert idle.used["nats_stored_DISPATCH"] == 0
    done_a_second = busy.x * 100 / 60
    assert done_a_second > 0
    assert busy.used["postgres_transactions_booking"] - idle.used["postgres_transactions_booking"] > (
        4 * done_a_second
    )
    assert busy.used["nats_messages_in"] > EVENTS_AN_ORDER * done_a_second
    assert busy.used["nats_stored_DISPATCH"] > 0
    assert driving.x > 0
    assert driving.used["nats_stored_TRACKING"] > 0
    for step in (idle, busy, driving):
        assert all(step.used[f"{part}_memory"] > 1 for part in PARTS)
        assert all(step.used[f"{part}_cores"] >= 0 for part in PARTS)
        assert step.used["postgres_connections"] > 0


def test_a_figure_is_the_line_through_its_steps() -> None:
    """What all parts take at rest is where the line of the drivers begins."""

    def steps(*xs: float) -> list[Step]:
        used = {f"{part}_{kind}": 0.0 for part in PARTS for kind in ("cores", "memory")}
        grows = [
            {"push_cores": 0.5 + 2 * x, "push_memory": 100 + 8 * x, "nats_messages_in": 3 * x} for x in xs
        ]
        rest = [{"postgres_connections": 10 * x} for x in xs]
        return [Step(x, used | more | other) for x, more, other in zip(xs, grows, rest, strict=True)]

    found = {
        one.name: one.value
        for one in figures({"per_1000_drivers": steps(0, 1, 2), "per_100_orders_a_minute": steps(0, 3)})
    }
    assert found["push_cores_at_rest"] == pytest.approx(0.5)
    assert found["push_cores_per_1000_drivers"] == pytest.approx(2)
    assert found["push_cores_per_100_orders_a_minute"] == pytest.approx(2)
    assert found["push_memory_per_1000_drivers"] == pytest.approx(8)
    assert "push_memory_per_100_orders_a_minute" not in found
    assert found["nats_messages_in_per_1000_drivers"] == pytest.approx(3)
    assert found["postgres_connections_most"] == 30
    assert found["straight_per_1000_drivers"] == pytest.approx(1)
