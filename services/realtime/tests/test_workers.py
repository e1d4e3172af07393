"""Several edges behind one port, and the parent that keeps them running."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import nats
import psutil  # type: ignore[import-untyped]
import pytest
from nats.aio.client import Client
from socketio.exceptions import ConnectionError as DialError

from contracts.requests import FindDriver, Present
from stack.house import House
from stack.ports import Reservation
from stack.tokens import mint

from .conftest import KEY, OpenEdge
from .loyal import Loyal
from .phone import Phone
from .processes import EdgeProcess, edge_process

PATIENCE = 60.0


async def edge_of(nc: Client, driver_id: str) -> str:
    asked = FindDriver(driver_id=driver_id)
    answer = await nc.request(asked.subject(), asked.model_dump_json().encode(), timeout=PATIENCE)
    return Present.model_validate_json(answer.data).edge_id


def serving(edge: EdgeProcess) -> set[int]:
    """Process ids of the workers that listen."""
    found = set()
    for worker in psutil.Process(edge.process.pid).children():
        with suppress(psutil.Error):
            if any(line.status == psutil.CONN_LISTEN for line in worker.net_connections("tcp")):
                found.add(worker.pid)
    return found


async def two_serve(edge: EdgeProcess, *, besides: int = 0) -> set[int]:
    async with asyncio.timeout(PATIENCE):
        while len((workers := serving(edge)) - {besides}) < 2:
            await asyncio.sleep(0.05)
    return workers


class Crew:
    """Drivers that come until they are at two edges. Each comes back by itself."""

    def __init__(self, url: str, nc: Client) -> None:
        self._url, self._nc = url, nc
        self.phones: dict[str, Loyal] = {}

    async def spread(self) -> dict[str, str]:
        """Driver → edge."""
        async with asyncio.timeout(PATIENCE):
            while len(set((where := await self._where()).values())) < 2:
                driver_id = f"dan-w{len(self.phones)}"
                with suppress(DialError):  # one worker may not be ready yet
                    phone = await Loyal().dial(self._url, mint(driver_id, "pilot", key=KEY))
                    self.phones[driver_id] = phone
        return where

    async def _where(self) -> dict[str, str]:
        return {driver_id: await edge_of(self._nc, driver_id) for driver_id in self.phones}

    async def somebody_has_gone(self) -> str:
        leaving = {asyncio.create_task(phone.gone.wait(), name=who) for who, phone in self.phones.items()}
        async with asyncio.timeout(PATIENCE):
            done, _ = await asyncio.wait(leaving, return_when=asyncio.FIRST_COMPLETED)
        for task in leaving:
            task.cancel()
        return done.pop().get_name()

    async def hang_up(self) -> None:
        for phone in self.phones.values():
            await phone.hang_up()


async def test_clients_are_spread_over_workers_and_one_that_dies_is_replaced(
    house: House, ports: Reservation
) -> None:
    """E3: kill -9 of one concerns its clients alone, who come back; SIGTERM to the parent ends all."""
    nc = await nats.connect(house.nats_url)
    async with edge_process(house.nats_url, ports.port(), workers=2, drain_spread_seconds=0) as edge:
        await edge.until("/readyz", 200)
        workers = await two_serve(edge)
        crew = Crew(edge.url, nc)
        where = await crew.spread()
        psutil.Process(killed := min(workers)).kill()
        edge_id = where[await crew.somebody_has_gone()]
        for driver_id, driver in crew.phones.items():
            if where[driver_id] == edge_id:
                await driver.came(2)
            else:
                assert driver.comings == 1
        assert await two_serve(edge, besides=killed) - workers
        await crew.spread()
        await crew.hang_up()
        phones = [await Phone().dial(edge.url, mint("ann-w", "user", key=KEY)) for _ in range(4)]
        edge.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            for phone in phones:
                await phone.gone.wait()
            assert await edge.process.wait() == 0
        assert await edge.status("/livez") == 0
    await nc.close()


@pytest.mark.parametrize("told", [{"workers": 2}, {"polling": False}], ids=["several workers", "told not to"])
async def test_polling_is_not_offered_where_the_next_request_may_come_to_another_edge(
    open_edge: OpenEdge, told: dict[str, object]
) -> None:
    """C1: that one would know nothing of it. WebSockets are let in."""
    url = await open_edge(**told)
    async with httpx.AsyncClient() as client:
        refused = await client.get(f"{url}/socket.io/?EIO=4&transport=polling")
        assert (refused.status_code, refused.json()) == (400, {"code": 0, "message": "Transport unknown"})
    with pytest.raises(DialError):
        await Phone().dial(url, mint("ann-w2", "user", key=KEY), "polling")
    phone = await Phone().dial(url, mint("ann-w2", "user", key=KEY))
    await phone.hang_up()


@asynccontextmanager
async def python(code: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_the_parent_ends_when_workers_die_again_and_again() -> None:
    """B13: whoever runs it sees that it cannot start, and why."""
    worker = f"[{sys.executable!r}, '-c', 'raise SystemExit(3)']"
    run = f"sys.exit(asyncio.run(keep_running(2, {worker}, 30, [0.01, 0.01])))"
    code = f"import asyncio, sys; from realtime.workers import keep_running; {run}"
    async with asyncio.timeout(PATIENCE), python(code) as parent:
        said, _ = await parent.communicate()
    assert parent.returncode == 1
    assert said.count(b"worker.started") >= 3
    assert b"worker.given_up" in said


async def test_workers_end_when_their_parent_is_killed() -> None:
    """B13: none is left that nobody knows of, at a port that is needed."""
    work = "import signal; from realtime import workers; workers.end_with_parent(); print(1); signal.pause()"
    run = f"asyncio.run(keep_running(2, [{sys.executable!r}, '-uc', {work!r}], 30))"
    code = f"import asyncio; from realtime.workers import keep_running; {run}"
    async with asyncio.timeout(PATIENCE), python(code) as parent:
        assert parent.stdout is not None
        lines = 0
        while lines < 2:
            lines += (await parent.stdout.readline()).strip() == b"1"
        parent.kill()
        await parent.stdout.read()  # until nobody has it open any more
