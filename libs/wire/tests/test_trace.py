"""One trace id from the first span to the last, across the bus (issue 2 item 3), and what the logs say."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nats.aio.client import Client
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import wire.consume
import wire.rpc
from contracts.events import DriverState, JobCreated
from contracts.requests import DriverView, ViewDriver
from stack.house import House
from wire.connection import connect
from wire.consume import consume
from wire.inbox import once
from wire.outbox import Outbox
from wire.publish import publish
from wire.rpc import Endpoint, request, serve
from wire.sql import Database, Transaction

if TYPE_CHECKING:
    from libs.wire.tests.conftest import Line, OpenDatabase

Emit = Callable[[JobCreated], Awaitable[None]]


PROVIDER = TracerProvider()
"""Not the process's own: that can be set only once, and other tests run services in this process."""


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """Hears of the spans of wire."""
    exporter = InMemorySpanExporter()
    PROVIDER.add_span_processor(SimpleSpanProcessor(exporter))
    for module in (wire.consume, wire.rpc):
        monkeypatch.setattr(module, "tracer", PROVIDER.get_tracer("wire"))
    return exporter


async def traces_seen(line: "Line", house: House, database: Database, emit: Emit) -> list[int]:
    """The trace ids: where the event is emitted, in its handler, and in a request that the handler makes."""
    seen: list[int] = []

    def note() -> None:
        seen.append(trace.get_current_span().get_span_context().trace_id)

    async def answer(question: ViewDriver) -> DriverView:
        note()
        return DriverView(driver_id=question.driver_id, state=DriverState.busy, approved=True)

    async def handle(tx: Transaction, event: JobCreated) -> None:
        note()
        await request(line.nc, ViewDriver(driver_id="d"))

    async with (
        connect(Client(), house.nats_url, name="other") as other,
        serve(other, "matching", "1.2.3", [Endpoint(ViewDriver, answer)]),
        asyncio.TaskGroup() as group,
    ):
        await other.flush()
        await other.flush()  # the first PING may overtake the SUBs
        with PROVIDER.get_tracer("test").start_as_current_span("from outside"):
            note()
            await emit(line.event())
        task = group.create_task(consume(line.nc, line.consumer, once(database, "c", {JobCreated: handle})))
        await line.settled(1)
        task.cancel()
    return seen


async def test_trace_goes_from_publish_through_consume_to_the_request(
    line: "Line", house: House, database: Database, exporter: InMemorySpanExporter
) -> None:
    seen = await traces_seen(line, house, database, lambda event: publish(line.nc.jetstream(), event))
    assert len(seen) == 3
    assert set(seen) == {seen[0]}
    spans = {span.name: span for span in exporter.get_finished_spans()}
    names = ["from outside", f"{line.consumer.durable} job.created", ViewDriver.subject]
    assert set(names) <= spans.keys()
    parent, outside = spans[names[1]].parent, spans["from outside"].context
    assert parent is not None
    assert outside is not None
    assert parent.span_id == outside.span_id


@pytest.mark.parametrize("path", ["in line", "swept"])
async def test_trace_goes_through_the_outbox(
    line: "Line", house: House, open_here: "OpenDatabase", exporter: InMemorySpanExporter, path: str
) -> None:
    """The event belongs to the trace it was emitted in, not to whatever publishes it."""
    outbox = Outbox()
    async with open_here(outbox.hand_over) as database, asyncio.TaskGroup() as group:
        work = outbox.relay(line.nc, database) if path == "in line" else outbox.sweep(line.nc, database, 0.05)
        task = group.create_task(work)

        async def emit(event: JobCreated) -> None:
            async with database.transaction() as tx:
                tx.emit(event)

        seen = await traces_seen(line, house, database, emit)
        task.cancel()
    assert len(seen) == 3
    assert set(seen) == {seen[0]}
    assert seen[0]


LOGGER = """
import structlog
from opentelemetry import trace
from wire.settings import ServiceSettings
from wire.telemetry import set_up

set_up("booking", ServiceSettings())
log = structlog.get_logger()

def fail(secret):
    raise ZeroDivisionError("told")

with trace.get_tracer("t").start_as_current_span("work"), structlog.contextvars.bound_contextvars(job_id="7"):
    log.info("job.done")
    try:
        fail("hunter2")
    except ZeroDivisionError:
        log.exception("job.failed")
"""


def logged(tmp_path: Path, form: str) -> str:
    env = {
        **os.environ,
        "WAGGLE_JWT_KEY": "x" * 32,
        "WAGGLE_LOG_FORMAT": form,
        "WAGGLE_TRACE_FILE": str(tmp_path / "spans.jsonl"),
    }
    done = subprocess.run([sys.executable, "-c", LOGGER], env=env, check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


def test_log_lines_have_service_job_and_trace_and_no_secrets(tmp_path: Path) -> None:
    """Issue 2 item 3: structured logs with job id and trace id. Tracebacks show no variables."""
    text = logged(tmp_path, "json")
    lines = [json.loads(line) for line in text.splitlines()]
    span = json.loads((tmp_path / "spans.jsonl").read_text())
    assert [line["event"] for line in lines] == ["job.done", "job.failed"]
    for line in lines:
        assert (line["service"], line["job_id"]) == ("booking", "7")
        assert line["trace_id"] == span["trace_id"]
    assert lines[1]["exception"][0]["exc_value"] == "told"
    assert "hunter2" not in text


def test_lines_for_people_have_the_traceback_and_no_secrets(tmp_path: Path) -> None:
    text = logged(tmp_path, "console")
    assert "ZeroDivisionError: told" in text
    assert "hunter2" not in text.replace('fail("hunter2")', "")
