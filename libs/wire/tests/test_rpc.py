"""Requests between services (issue 2 item 3): typed replies, typed refusals."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from nats.aio.client import Client
from nats.micro.request import ERROR_CODE_HEADER

from contracts.events import DriverState
from contracts.models import Model
from contracts.requests import Acceptance, AcceptJob, DriverView, Problem, Request, ViewDriver
from stack.house import House
from wire import rpc
from wire.connection import connect
from wire.problem import ProblemError, conflict
from wire.rpc import Endpoint, request, serve

JOB = uuid.UUID(int=7)


async def view(question: ViewDriver) -> DriverView:
    return DriverView(driver_id=question.driver_id, state=DriverState.busy, approved=True)


@asynccontextmanager
async def serving(
    house: House, answer: Callable[[Any], Awaitable[Model]] = view, kind: type[Request[Any]] = ViewDriver
) -> AsyncIterator[None]:
    """A service that answers requests of one kind, on a connection of its own."""
    async with (
        connect(Client(), house.nats_url, name="matching") as client,
        serve(client, "matching", "1.2.3", [Endpoint(kind, answer)]),
    ):
        await client.flush()
        await client.flush()  # the first PING may overtake the SUBs
        yield


async def refusal(nc: Client, question: Request[Any]) -> Problem:
    with pytest.raises(ProblemError) as raised:
        await request(nc, question)
    return raised.value.problem


async def test_reply_comes_as_its_type(nc: Client, house: House) -> None:
    async with serving(house):
        assert await request(nc, ViewDriver(driver_id="d.1")) == await view(ViewDriver(driver_id="d.1"))


async def test_refusal_comes_as_the_problem_that_was_raised(nc: Client, house: House) -> None:
    """A5: the loser's 409, through the bus."""

    async def lost(question: AcceptJob) -> Acceptance:
        raise conflict("already_accepted", "Job already accepted by another driver")

    async with serving(house, lost, AcceptJob):
        problem = await refusal(nc, AcceptJob(driver_id="d", job_id=JOB))
    assert problem == Problem(
        code="already_accepted", message="Job already accepted by another driver", status=409
    )


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "Invalid JSON"),
        (b"{", "Invalid JSON"),
        (b"[]", "should be an object"),
        (b"{}", "driver_id: Field required"),
        (b'{"driver_id": 7}', "driver_id: Input should be a valid string"),
        (b'{"driver_id": "\xff"}', "Invalid JSON"),
    ],
)
async def test_request_that_does_not_fit_is_answered_422(
    nc: Client, house: House, body: bytes, told: str
) -> None:
    async with serving(house):
        message = await nc.request(ViewDriver.subject, body, timeout=30)
    assert (message.headers or {})[ERROR_CODE_HEADER] == "422"
    problem = Problem.model_validate_json(message.data)
    assert (problem.code, problem.status) == ("invalid", 422)
    assert told in problem.message


async def test_nobody_there_is_503_unavailable(nc: Client) -> None:
    assert (await refusal(nc, ViewDriver(driver_id="d"))).code == "unavailable"
    assert (await refusal(nc, ViewDriver(driver_id="d"))).status == 503


async def test_no_answer_in_time_is_503_unavailable(
    nc: Client, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc, "REQUEST_TIMEOUT", 0.2)
    never = asyncio.Event()

    async def hang(question: ViewDriver) -> DriverView:
        await never.wait()
        return await view(question)

    async with serving(house, hang):
        assert (await refusal(nc, ViewDriver(driver_id="d"))).code == "unavailable"
        never.set()


async def test_failing_handler_is_500_internal_and_the_service_goes_on(nc: Client, house: House) -> None:
    async def fail(question: ViewDriver) -> DriverView:
        match question.driver_id:
            case "os":
                raise OSError("secret")
            case "cancelled":
                raise asyncio.CancelledError
            case "model":  # a mistake of the handler's, not of the asker's
                return DriverView.model_validate({})
        return await view(question)

    async with serving(house, fail):
        for how in ("os", "cancelled", "model"):
            problem = await refusal(nc, ViewDriver(driver_id=how))
            assert (problem.code, problem.status) == ("internal", 500)
            assert "secret" not in problem.message
        assert await request(nc, ViewDriver(driver_id="d"))


async def test_request_without_an_inbox_does_not_end_the_service(nc: Client, house: House) -> None:
    """Anybody on the bus may publish where requests are heard."""
    async with serving(house):
        await nc.publish(ViewDriver.subject, b'{"driver_id": "d"}')
        await nc.publish(ViewDriver.subject, b"{")
        assert await request(nc, ViewDriver(driver_id="d"))


async def test_answer_that_is_not_understood_is_502(nc: Client) -> None:
    """A service of another version, or micro's own error, which has no body."""

    async def nonsense(message: object) -> None:
        await nc.publish(message.reply, b'{"driver": 1}')  # type: ignore[attr-defined]

    async def bare_error(message: object) -> None:
        await nc.publish(message.reply, b"", headers={ERROR_CODE_HEADER: "500"})  # type: ignore[attr-defined]

    for answer in (nonsense, bare_error):
        subscription = await nc.subscribe(ViewDriver.subject, cb=answer)
        problem = await refusal(nc, ViewDriver(driver_id="d"))
        assert (problem.code, problem.status) == ("bad_reply", 502)
        await subscription.unsubscribe()


async def test_requests_overlap(nc: Client, house: House) -> None:
    """The first is answered only after the second has come."""
    second = asyncio.Event()

    async def answer(question: ViewDriver) -> DriverView:
        if question.driver_id == "first":
            await second.wait()
        else:
            second.set()
        return await view(question)

    async with serving(house, answer), asyncio.timeout(60):
        names = ("first", "second")
        answers = await asyncio.gather(*(request(nc, ViewDriver(driver_id=name)) for name in names))
    assert [each.driver_id for each in answers] == ["first", "second"]


async def test_no_more_requests_at_once_than_there_are_places(
    nc: Client, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rpc, "MAX_CONCURRENT", 3)
    now, most = 0, 0

    async def answer(question: ViewDriver) -> DriverView:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return await view(question)

    async with serving(house, answer):
        await asyncio.gather(*(request(nc, ViewDriver(driver_id="d")) for _ in range(50)))
    assert most == 3


async def test_requests_that_have_come_are_answered_though_the_service_is_cancelled(
    nc: Client, house: House
) -> None:
    """Issue 2 item 3: SIGTERM drains."""
    ready, come, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(question: ViewDriver) -> DriverView:
        come.set()
        await go_on.wait()
        return await view(question)

    async def service() -> None:
        async with serving(house, answer):
            ready.set()
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        served = group.create_task(service())
        await ready.wait()
        asked = group.create_task(request(nc, ViewDriver(driver_id="d")))
        await come.wait()
        served.cancel()
        asyncio.get_running_loop().call_later(0.2, go_on.set)
        assert (await asked).driver_id == "d"


async def test_replica_that_leaves_loses_no_request(nc: Client, house: House) -> None:
    """A roll-out: what was on its way to the one that leaves is answered by it."""
    leaving = True

    async def ask() -> None:
        while leaving:
            await request(nc, ViewDriver(driver_id="d"))

    async with serving(house), asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(ask())
        for _ in range(30):
            async with serving(house):
                pass
        leaving = False


async def test_service_whose_bus_is_away_ends_in_time(house: House) -> None:
    async with asyncio.timeout(60), serving(house):
        await house.stop("nats")
    await house.start("nats")


async def test_service_can_be_discovered(nc: Client, house: House) -> None:
    """Design 2: `nats.micro` gives discovery and stats."""
    async with serving(house):
        await request(nc, ViewDriver(driver_id="d"))
        info = json.loads((await nc.request("$SRV.INFO.matching", timeout=30)).data)
        stats = json.loads((await nc.request("$SRV.STATS.matching", timeout=30)).data)
    assert [endpoint["subject"] for endpoint in info["endpoints"]] == [ViewDriver.subject]
    assert stats["endpoints"][0]["num_requests"] == 1


async def test_replicas_share_the_requests(nc: Client, house: House) -> None:
    """One of them answers, not both."""
    heard = 0

    async def answer(question: ViewDriver) -> DriverView:
        nonlocal heard
        heard += 1
        return await view(question)

    async with serving(house, answer), serving(house, answer):
        for _ in range(20):
            await request(nc, ViewDriver(driver_id="d"))
    assert heard == 20
