"""A search belongs to the trace of its order, whoever looks at it."""

from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy import text

from contracts.events import SearchStarted, SearchTimedOut
from wire.telemetry import trace_id_in

from .conftest import PATIENCE_S, World

TRACER = TracerProvider().get_tracer("test")


async def test_an_offer_that_only_a_later_look_could_make_belongs_to_the_orders_trace(world: World) -> None:
    """The driver is in another command's hands at first, so that the sweep asks again, for nobody."""
    at = world.place()
    driver = await world.driver(at)
    job = world.job(at)
    offers = await world.nc.subscribe(f"offer.created.{job.id}.>")
    async with world.engine.begin() as other:
        await other.execute(text("SELECT 1 FROM driver WHERE id = :id FOR UPDATE"), {"id": driver})
        with TRACER.start_as_current_span("order") as order:
            await world.created(job)
        await world.hears(SearchStarted, job.id)
    offer = await offers.next_msg(timeout=PATIENCE_S)
    assert trace_id_in(offer.headers) == f"{order.get_span_context().trace_id:032x}"


async def test_a_search_that_times_out_does_so_in_the_orders_trace(world: World) -> None:
    """B9: the deadline's message carries the trace."""
    job = world.job(world.place(), await world.rules("traced", "broadcast", search_seconds=1))
    ends = await world.nc.subscribe(f"search.timed_out.{job.id}.>")
    with TRACER.start_as_current_span("order") as order:
        await world.created(job)
    await world.hears(SearchTimedOut, job.id)
    end = await ends.next_msg(timeout=PATIENCE_S)
    assert trace_id_in(end.headers) == f"{order.get_span_context().trace_id:032x}"
