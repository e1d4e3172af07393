"""Streams and consumers are made by one declared place, again and again without harm."""

import asyncio
import json
import os
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from nats.aio.client import Client

from contracts.ids import new_id
from contracts.streams import CONSUMERS, STREAMS, Consumer, Stream
from stack.house import House
from stack.parts import parts
from wire.bootstrap import BootstrapError, bootstrap, ensure_all, ensure_consumer, ensure_stream


async def ask(nc: Client, subject: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads((await nc.request(f"$JS.API.{subject}", timeout=30)).data)
    return answer


@pytest.fixture
def stream() -> Stream:
    name = f"T{new_id().hex}"
    return Stream(name, (f"{name}.a.>", f"{name}.b.>"), timedelta(hours=1), 1024 * 1024)


async def test_second_run_changes_nothing(nc: Client) -> None:
    """Issue 2 item 3: idempotent. The session's server has had the first run."""

    async def configs() -> list[Any]:
        streams = [(await ask(nc, f"STREAM.INFO.{stream.name}"))["config"] for stream in STREAMS]
        consumers = [
            (await ask(nc, f"CONSUMER.INFO.{each.stream}.{each.durable}"))["config"] for each in CONSUMERS
        ]
        return [streams, consumers]

    before = await configs()
    await ensure_all(nc)
    assert await configs() == before


async def test_streams_are_as_declared(nc: Client) -> None:
    for stream in STREAMS:
        config = (await ask(nc, f"STREAM.INFO.{stream.name}"))["config"]
        assert config["subjects"] == list(stream.subjects)
        assert config["max_age"] == stream.max_age.total_seconds() * 1e9
        assert config["storage"] == ("memory" if stream.in_memory else "file")
        assert config.get("allow_msg_schedules", False) == stream.schedules
        assert config["allow_direct"]
        assert config.get("persist_mode") == ("async" if stream.unsynced else None)
        assert config["max_msgs_per_subject"] == (1 if stream.latest_only else stream.kept_each)


async def test_every_stream_and_what_was_acknowledged_outlives_the_server(nc: Client, house: House) -> None:
    """B13: kill -9 of the bus. A stream in memory would be gone until the next deployment."""
    # Not a position: their stream is written behind, and may lose its last moment (contracts.streams).
    await nc.jetstream().publish("job.created.j.c._", b"kept")

    async def kept() -> tuple[list[str], int]:
        names = (await ask(nc, "STREAM.NAMES"))["streams"]
        return names, (await ask(nc, "STREAM.INFO.DISPATCH"))["state"]["messages"]

    before = await kept()
    assert {stream.name for stream in STREAMS} <= set(before[0])
    assert before[1] >= 1
    await house.kill("nats")
    assert await kept() == before


async def test_changed_declaration_is_brought_to_the_server_and_keeps_the_messages(
    nc: Client, stream: Stream
) -> None:
    await ensure_stream(nc, stream)
    await nc.jetstream().publish(f"{stream.name}.a.1", b"kept")
    changed = replace(
        stream,
        subjects=(*stream.subjects, f"{stream.name}.c.>"),
        max_age=timedelta(hours=2),
        max_bytes=2 * 1024 * 1024,
    )
    await ensure_stream(nc, changed)
    info = await ask(nc, f"STREAM.INFO.{stream.name}")
    assert info["config"]["subjects"] == list(changed.subjects)
    assert info["config"]["max_age"] == 7200e9
    assert info["state"]["messages"] == 1


async def test_changed_consumer_keeps_its_place(nc: Client, stream: Stream) -> None:
    await ensure_stream(nc, stream)
    consumer = Consumer(stream.name, "c", (f"{stream.name}.a.>",))
    await ensure_consumer(nc, consumer)
    await nc.jetstream().publish(f"{stream.name}.a.1", b"")
    subscription = await nc.jetstream().pull_subscribe_bind("c", stream.name)
    for message in await subscription.fetch(1):
        await message.ack_sync()
    await ensure_consumer(
        nc,
        replace(consumer, filters=(*consumer.filters, f"{stream.name}.b.>"), ack_wait=timedelta(seconds=9)),
    )
    info = await ask(nc, f"CONSUMER.INFO.{stream.name}.c")
    assert info["config"]["filter_subjects"] == [f"{stream.name}.a.>", f"{stream.name}.b.>"]
    assert info["config"]["ack_wait"] == 9e9
    assert info["ack_floor"]["stream_seq"] == 1


async def test_two_at_once_make_the_same(nc: Client, stream: Stream) -> None:
    await asyncio.gather(*(ensure_stream(nc, stream) for _ in range(5)))
    consumer = Consumer(stream.name, "c", (f"{stream.name}.a.>",))
    await asyncio.gather(*(ensure_consumer(nc, consumer) for _ in range(5)))


async def test_declaration_that_the_server_refuses_is_told_by_name(nc: Client, stream: Stream) -> None:
    await ensure_stream(nc, stream)
    with pytest.raises(BootstrapError, match=f"stream {stream.name}: .*storage"):
        await ensure_stream(nc, replace(stream, in_memory=True))
    with pytest.raises(BootstrapError, match=r"consumer c: .*overlap"):
        await ensure_consumer(nc, Consumer(stream.name, "c", (f"{stream.name}.a.>", f"{stream.name}.a.1")))


async def test_command_waits_for_a_server_that_is_not_there_yet() -> None:
    """Issue 2, done when: start order does not matter."""
    async with parts() as house:
        await house.stop("nats")
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "wire.bootstrap",
            env={**os.environ, "WAGGLE_NATS_URL": house.nats_url},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None
        await process.stdout.readline()  # it has met the absence
        await house.start("nats")
        said = (await process.stdout.read()).decode()
        assert await process.wait() == 0, said
        await bootstrap(house.nats_url)


async def test_command_fails_with_a_status_when_refused(house: House, nc: Client) -> None:
    """A Kubernetes job must not look done."""
    info = (await ask(nc, "STREAM.INFO.TRACKING"))["config"]
    await nc.jetstream().delete_stream("TRACKING")
    await ensure_stream(nc, Stream("SQUATTER", ("tracking.recorded.x",), timedelta(hours=1), 1024))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "wire.bootstrap",
        env={**os.environ, "WAGGLE_NATS_URL": house.nats_url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said = (await process.communicate())[0].decode()
    assert process.returncode == 1
    assert "stream TRACKING: subjects overlap" in said
    await nc.jetstream().delete_stream("SQUATTER")
    await ensure_all(nc)
    assert (await ask(nc, "STREAM.INFO.TRACKING"))["config"]["subjects"] == info["subjects"]
