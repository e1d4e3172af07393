import asyncpg
import httpx
import nats

from stack.house import House
from stack.parts import parts


def raw(url: str) -> str:
    """A SQLAlchemy URL as asyncpg itself wants it."""
    return url.replace("+asyncpg", "")


async def test_bus_keeps_what_it_acknowledged_on_disk(house: House) -> None:
    """DESIGN 2: JetStream on disk, sync_interval always; survives SIGKILL of the server."""
    async with httpx.AsyncClient() as client:
        config = (await client.get(f"{house.nats_monitor_url}/jsz?config=1")).json()["config"]
    assert config["sync_always"] is True
    bus = await nats.connect(house.nats_url, **house.nats_operator)
    stream = bus.jetstream()
    await stream.add_stream(name="KEPT", subjects=["kept.>"])
    await stream.publish("kept.1", b"still here")
    await bus.close()

    await house.kill("nats")

    bus = await nats.connect(house.nats_url, **house.nats_operator)
    assert (await bus.jetstream().get_last_msg("KEPT", "kept.1")).data == b"still here"
    await bus.close()


async def test_database_is_back_with_its_rows_after_a_kill(house: House) -> None:
    """DESIGN 4: PostgreSQL 18; issue 2 item 8: restarted by the supervisor."""
    url = raw(await house.fresh_database())
    connection = await asyncpg.connect(url)
    assert connection.get_server_version().major == 18
    await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")

    await house.kill("postgres")

    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT n FROM kept") == 7
    await connection.close()


async def test_fresh_databases_are_apart_and_can_copy_a_template(house: House) -> None:
    first = raw(await house.fresh_database())
    connection = await asyncpg.connect(first)
    await connection.execute("CREATE TABLE jobs (n int)")
    await connection.close()
    name = first.split("/")[3].split("?")[0]
    found = {}
    for label, url in {
        "empty": await house.fresh_database(),
        "copy": await house.fresh_database(name),
    }.items():
        connection = await asyncpg.connect(raw(url))
        found[label] = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE tablename = 'jobs'")
        await connection.close()
    assert found == {"empty": 0, "copy": 1}


async def test_parts_come_without_services_and_beside_another_stack(house: House) -> None:
    """Issue 2 item 8: ports are free ones."""
    async with parts() as alone:
        state = alone.state
        assert alone.nats_url != house.nats_url
        assert sorted(alone.supervisor.pids) == ["nats", "postgres"]
        bus = await nats.connect(alone.nats_url)
        assert (await bus.jetstream().account_info()).streams == 0
        await bus.close()
        connection = await asyncpg.connect(raw(await alone.fresh_database()))
        await connection.close()
    assert not state.exists()
