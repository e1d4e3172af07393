"""A service as a process: how it ends."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from stack.house import House
from stack.ports import HOST, Reservation
from stack.ready import http_ok

KEY = "the secret of these tests, long enough"


class Service:
    """A running service.py."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process, self.said = process, list[str]()
        self.http = httpx.AsyncClient(base_url=f"http://{HOST}:{port}")

    async def says(self, wanted: str) -> None:
        """Wait until it says this, from now on."""
        assert self.process.stdout is not None
        while not self.said or wanted not in self.said[-1]:
            line = await self.process.stdout.readline()
            assert line, f"it ended and never said {wanted!r}: {self.said}"
            self.said.append(line.decode().strip())
        self.said.append("")

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Its exit status, when all it said is known."""
        assert self.process.stdout is not None
        rest = (await self.process.stdout.read()).decode().splitlines()
        self.said += [line.strip() for line in rest]
        return await self.process.wait()

    def order(self, *words: str) -> list[str]:
        return [word for line in self.said for word in words if word in line]


async def refused(port: int) -> None:
    """Returns once new connections are."""
    while True:
        with suppress(ConnectionResetError):  # the moment in which it stops to listen
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except ConnectionRefusedError:
                return
            writer.close()


@asynccontextmanager
async def running(nats_url: str, port: int, mode: str = "", drain: float = 5) -> AsyncIterator[Service]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).parent / "service.py"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={
            **os.environ,
            "WAGGLE_NATS_URL": nats_url,
            "WAGGLE_HTTP_PORT": str(port),
            "WAGGLE_JWT_KEY": KEY,
            "WAGGLE_DRAIN_SECONDS": str(drain),
            "SERVICE_MODE": mode,
        },
    )
    service = Service(process, port)
    try:
        yield service
    finally:
        await service.http.aclose()
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    reservation = Reservation()
    yield reservation.port()
    reservation.release()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_ends_http_first_then_work_then_the_bus(house: House, port: int, number: int) -> None:
    """Issue 2 item 3: SIGTERM drains. A request under way still has all it needs."""
    async with running(house.nats_url, port) as service, asyncio.TaskGroup() as group:
        await service.says("working")
        await http_ok(f"{service.http.base_url}/livez")
        asked = group.create_task(service.http.get("/slow"))
        await service.says("slow begun")
        service.stop(number)
        await service.says("service.draining")
        await refused(port)
        assert (await asked).json() == {"nats": True}
        assert await service.ended() == 0
    words = ("slow done", "work cancelled", "nats closed", "service.stopped", "end")
    assert service.order(*words) == list(words)


async def test_work_that_does_not_end_is_bounded(house: House, port: int) -> None:
    """Twice the drain time, then it exits hard."""
    async with running(house.nats_url, port, "hang", drain=0.5) as service:
        await service.says("working")
        service.stop()
        async with asyncio.timeout(60):
            assert await service.ended() == 1
    assert service.order("work cancelled", "drain_overran") == ["work cancelled", "drain_overran"]


async def test_task_that_fails_ends_the_service_with_a_status(house: House, port: int) -> None:
    """Nothing dies silently: whoever supervises starts it anew."""
    async with running(house.nats_url, port, "fail") as service:
        assert await service.ended() == 1
    assert any("ZeroDivisionError" in line for line in service.said)


async def test_service_that_still_waits_for_its_bus_lives_and_can_be_stopped(port: int) -> None:
    """Issue 2, done when: each service starts alone, and waits for what it needs."""
    reservation = Reservation()
    async with running(f"nats://{HOST}:{reservation.port()}", port) as service:
        for _ in range(6):  # it does not give up
            await service.says("nats.error")
        assert (await service.http.get("/livez")).status_code == 200
        assert (await service.http.get("/readyz")).status_code == 503
        service.stop()
        assert await service.ended() == 0
    reservation.release()


async def test_port_that_is_taken_ends_the_service_with_a_status_and_the_reason(house: House) -> None:
    async with await asyncio.start_server(lambda _r, w: w.close(), HOST, 0) as taken:
        port = taken.sockets[0].getsockname()[1]
        async with running(house.nats_url, port) as service:
            assert await service.ended() != 0
    assert any("address already in use" in line for line in service.said)
