"""Traces reach a collector; and where nobody collects any, a log line says all the same whose it is."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web
from nats.aio.client import Client
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from structlog.testing import capture_logs

from contracts.ids import new_id
from contracts.streams import Consumer
from wire.bootstrap import ensure_consumer
from wire.consume import consume
from wire.inbox import due_each
from wire.numbering import Numbering
from wire.sql import Database
from wire.telemetry import continuing, trace_id_in, traceparent
from wire.timers import Schedule, schedule

if TYPE_CHECKING:
    from libs.wire.tests.conftest import Line

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"

SERVICE = """
import sys
import structlog
from opentelemetry import propagate, trace
from wire.settings import ServiceSettings
from wire.telemetry import is_recorded, set_up

set_up("booking", ServiceSettings())
log, tracer = structlog.get_logger(), trace.get_tracer("t")
with tracer.start_as_current_span("outer", context=propagate.extract({"traceparent": sys.argv[1]})):
    log.info("outer", recorded=is_recorded())
    with tracer.start_as_current_span("inner"):
        onwards = {}
        propagate.inject(onwards)
        log.info("inner", traceparent=onwards["traceparent"])
log.info("outside")
"""


async def logged(traceparent: str, **env: str) -> list[dict[str, Any]]:
    """What a process logs that does some work for a request with this header."""
    given = {**os.environ, "WAGGLE_JWT_KEY": "x" * 32, **env}
    command = [sys.executable, "-c", SERVICE, traceparent]
    done = await asyncio.to_thread(subprocess.run, command, env=given, check=True, capture_output=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_without_a_collector_a_request_has_a_trace_id_of_its_own() -> None:
    outer, inner, outside = await logged("")
    assert outer["recorded"] is False
    assert len(outer["trace_id"]) == 32
    assert inner["trace_id"] == outer["trace_id"]
    assert inner["traceparent"].startswith(f"00-{outer['trace_id']}-")
    assert inner["traceparent"].endswith("-00"), "nobody records it, and nobody further on should"
    assert "trace_id" not in outside


async def test_without_a_collector_the_askers_trace_goes_on_as_it_came() -> None:
    outer, inner, _ = await logged(TRACEPARENT)
    assert outer["trace_id"] == inner["trace_id"] == TRACE_ID
    assert inner["traceparent"] == TRACEPARENT


def test_two_requests_are_two_traces() -> None:
    tracer = Numbering().get_tracer("t")
    assert tracer.start_span("a").get_span_context() != tracer.start_span("b").get_span_context()


def test_a_messages_trace_can_be_told_without_a_span() -> None:
    assert trace_id_in({"traceparent": TRACEPARENT}) == TRACE_ID
    assert (trace_id_in({}), trace_id_in(None)) == (None, None)


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """An OTLP receiver over real HTTP: its address, and what it got."""
    got: list[ExportTraceServiceRequest] = []

    async def take(request: web.Request) -> web.Response:
        assert request.content_type == "application/x-protobuf"
        got.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = cast("tuple[str, int]", runner.addresses[0])
    try:
        yield f"http://{host}:{port}", got
    finally:
        await runner.cleanup()


async def test_spans_reach_a_collector_by_otlp_with_the_services_name() -> None:
    """Also those that are finished just before the process ends."""
    async with collector() as (url, got):
        outer, _, _ = await logged(TRACEPARENT, OTEL_EXPORTER_OTLP_ENDPOINT=url)
    assert outer["recorded"] is True
    [resource] = [one for request in got for one in request.resource_spans]
    named = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert named["service.name"] == "booking"
    spans = {span.name: span for scope in resource.scope_spans for span in scope.spans}
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE_ID}
    assert spans["inner"].parent_span_id == spans["outer"].span_id
    assert spans["outer"].parent_span_id.hex() == TRACEPARENT.split("-")[2]


async def test_a_collector_that_is_away_is_nothing_to_fail_for() -> None:
    outer, _, _ = await logged(
        "", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1", OTEL_BSP_EXPORT_TIMEOUT="1"
    )
    assert outer["recorded"] is True


async def test_what_happens_at_a_deadline_belongs_to_the_trace_that_set_it(nc: Client) -> None:
    """E2: the server hands the schedule's trace on to the message that it makes of it."""
    kind, seen = f"k{new_id().hex}", asyncio.Queue[int]()
    consumer = Consumer("TIMERS", f"t-{kind}", (f"due.{kind}.>",))
    await ensure_consumer(nc, consumer)

    async def note(_: Any) -> None:
        seen.put_nowait(trace.get_current_span().get_span_context().trace_id)

    tracer = TracerProvider().get_tracer("test")
    with tracer.start_as_current_span("sets a deadline") as span:
        due = Schedule(kind, new_id(), datetime.now(UTC) + timedelta(seconds=0.5))
        await schedule(nc.jetstream(), due)
    listening = asyncio.create_task(consume(nc, consumer, due_each({kind: note})))
    async with asyncio.timeout(60):
        assert await seen.get() == span.get_span_context().trace_id
    listening.cancel()


async def test_what_is_committed_is_logged_for_each_trace_that_it_belongs_to(
    database: Database, line: "Line"
) -> None:
    """A batch of events is one transaction, and of many traces."""
    tracer, ids = TracerProvider().get_tracer("test"), list[str]()
    with capture_logs() as logs:
        async with database.transaction() as tx:
            for number in (1, 2):
                with tracer.start_as_current_span("handles one event") as span:
                    tx.emit(line.event(number), line.event(number + 2))
                    ids.append(f"{span.get_span_context().trace_id:032x}")
    told = [one for one in logs if one["event"] == "transaction.committed"]
    assert [(one["trace_id"], one["events"]) for one in told] == [(one, {"job.created": 2}) for one in ids]
    assert told[0]["first"] == line.event().subject()


def test_a_kept_trace_is_gone_on_with_only_where_there_is_none() -> None:
    tracer = TracerProvider().get_tracer("test")
    with continuing(TRACEPARENT):
        assert traceparent() == TRACEPARENT
    with tracer.start_as_current_span("somebody asked"), continuing(TRACEPARENT):
        assert TRACE_ID not in (traceparent() or "")
    with continuing(None):
        assert traceparent() is None
