"""The supply map after a restart: rebuilt from the bus and the driver table."""

from contracts.events import OfferCreated

from .conftest import World, free_port, serving


async def test_a_driver_is_asked_by_a_process_that_started_after_it_went_online(world: World) -> None:
    """B13, C3: the position given on going online is on the bus, not only in the process that was asked."""
    at = world.place()
    driver = await world.driver(at)
    settings = world.settings.model_copy(update={"http_port": free_port(), "database_pool": 5})
    async with serving(settings) as other:
        job = world.job(at, "haul")
        await world.created(job)
        await world.hears(OfferCreated, job.id)
        feed = await other.get("/v1/jobs/available", headers=world.auth(driver))
        assert str(job.id) in {one["id"] for one in feed.json()["items"]}
