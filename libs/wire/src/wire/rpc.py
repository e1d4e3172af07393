"""Requests between services: typed replies, typed refusals, discovery by `nats.micro`."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

import nats.errors
import structlog
from nats.aio.client import Client
from nats.micro import add_service
from nats.micro.request import ERROR_CODE_HEADER
from nats.micro.request import Request as Incoming
from nats.micro.service import Service, ServiceConfig
from opentelemetry import propagate, trace
from pydantic import ValidationError

from contracts.models import Model
from contracts.requests import Problem, Request
from wire.connection import hear_out
from wire.metrics import ASKING, SERVED, SERVING
from wire.problem import ProblemError
from wire.strict_json import flaw

log = structlog.get_logger()
tracer = trace.get_tracer("wire")

Reply = TypeVar("Reply", bound=Model)

REQUEST_TIMEOUT = 3.0
MAX_CONCURRENT = 256
"""Requests answered at once by one process; more wait in the subscription."""


_NO_ANSWER = {"unavailable", "bad_reply"}


class Endpoint(NamedTuple):
    """Who answers which request."""

    request: type[Request[Any]]
    answer: Callable[[Any], Awaitable[Model]]


async def request(nc: Client, question: Request[Reply], seconds: float = REQUEST_TIMEOUT) -> Reply:
    """Ask, and get the reply. ProblemError when refused; 503 `unavailable` when nobody answers in time, and
    then it may have been done all the same."""
    started, outcome = time.perf_counter(), "cancelled"
    try:
        answer = await _ask(nc, question, seconds)
        outcome = "ok"
    except ProblemError as error:
        outcome = error.problem.code if error.problem.code in _NO_ANSWER else "refused"
        raise
    else:
        return answer
    finally:
        ASKING.labels(question.subject, outcome).observe(time.perf_counter() - started)


async def _ask(nc: Client, question: Request[Reply], seconds: float) -> Reply:
    headers: dict[str, str] = {}
    with tracer.start_as_current_span(question.subject, kind=trace.SpanKind.CLIENT):
        propagate.inject(headers)
        try:
            body = question.model_dump_json().encode()
            message = await nc.request(question.subject, body, timeout=seconds, headers=headers)
        except (nats.errors.Error, TimeoutError) as error:
            raise ProblemError("unavailable", "The service is not answering; try again", 503) from error
    refused = ERROR_CODE_HEADER in (message.headers or {})
    try:
        answer = (Problem if refused else type(question).reply).model_validate_json(message.data)
    except ValidationError as error:
        raise ProblemError("bad_reply", "The service's answer was not understood", 502) from error
    if isinstance(answer, Problem):
        raise ProblemError(answer.code, answer.message, answer.status)
    return answer  # type: ignore[return-value]


@asynccontextmanager
async def serve(nc: Client, service: str, version: str, endpoints: Sequence[Endpoint]) -> AsyncIterator[None]:
    """Answer requests while the block runs. On leaving, those that have come are finished."""
    places = asyncio.Semaphore(MAX_CONCURRENT)
    under_way: set[asyncio.Task[None]] = set()

    def done(task: asyncio.Task[None]) -> None:
        under_way.discard(task)
        places.release()

    listed = await add_service(nc, ServiceConfig(name=service, version=version))
    for endpoint in endpoints:
        # micro calls an endpoint's handler one request after the other; a task each lets them overlap.
        async def take(incoming: Incoming, endpoint: Endpoint = endpoint) -> None:
            await places.acquire()
            task = asyncio.create_task(_answer(endpoint, incoming))
            under_way.add(task)
            task.add_done_callback(done)

        subject = endpoint.request.subject
        await listed.add_endpoint(name=subject.replace(".", "-"), subject=subject, handler=take)
    try:
        yield
    finally:
        if not nc.is_closed:
            await asyncio.wait({asyncio.create_task(_stop(nc, listed))}, timeout=REQUEST_TIMEOUT)
        if under_way:  # longer than this nobody waits for an answer
            await asyncio.wait(under_way, timeout=REQUEST_TIMEOUT)
        for task in tuple(under_way):
            task.cancel()


async def _stop(nc: Client, listed: Service) -> None:
    """As micro's own `stop`, which however throws away requests that have come and were not taken yet."""
    try:
        await asyncio.gather(*(hear_out(nc, endpoint._subscription) for endpoint in listed._endpoints))
        listed._endpoints.clear()
        await listed.stop()
    except nats.errors.Error as error:
        log.warning("requests.not_drained", error=repr(error))


async def _answer(endpoint: Endpoint, incoming: Incoming) -> None:
    name = endpoint.request.subject
    context = propagate.extract(incoming.headers or {})
    with (
        SERVING.labels(name).time(),
        tracer.start_as_current_span(name, context=context, kind=trace.SpanKind.SERVER),
    ):
        reply = await _reply(endpoint, incoming.data)
        refused = isinstance(reply, Problem)
        code = reply.code if isinstance(reply, Problem) else "ok"
        SERVED.labels(name, code).inc()
        log.debug("request.answered", request=name, code=code)
        body = reply.model_dump_json().encode()
        try:
            if isinstance(reply, Problem):
                await incoming.respond_error(str(reply.status), reply.code, body)
            else:
                await incoming.respond(body)
        except (nats.errors.Error, ValueError) as error:  # we are cut off, or it named no inbox
            log.warning("request.unanswered", request=name, refused=refused, error=repr(error))


async def _reply(endpoint: Endpoint, body: bytes) -> Model:
    """What to answer, be it a Problem; never raises."""
    if problem := flaw(body):
        return problem
    try:
        question = endpoint.request.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        return Problem(code="invalid", message=f"{where}: {first['msg']}".removeprefix(": "), status=422)
    try:
        return await endpoint.answer(question)
    except ProblemError as refusal:
        return refusal.problem
    except (Exception, asyncio.CancelledError):
        log.exception("request.failed", request=endpoint.request.subject)
        return Problem(code="internal", message="Something went wrong on our side", status=500)
