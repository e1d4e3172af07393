"""Logs, metrics and traces, set up once a process."""

import json
import logging
import os
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from prometheus_client import Counter, Gauge, Histogram

from wire.settings import ServiceSettings

CONSUMED = Counter("waggle_events_consumed_total", "Events by what became of them", ["consumer", "outcome"])
HANDLING = Histogram(
    "waggle_event_handling_seconds", "From taking an event up to its acknowledgement", ["consumer"]
)
PUBLISHED = Counter("waggle_outbox_published_total", "Outbox letters by how they went out", ["path"])
WAITING = Gauge("waggle_outbox_waiting", "Outbox letters left to the sweep, when it last looked")
SERVED = Counter("waggle_requests_served_total", "Bus requests by answer", ["request", "code"])
HTTP_SECONDS = Histogram("waggle_http_request_seconds", "HTTP requests", ["method", "route", "status"])


def set_up(service: str, settings: ServiceSettings) -> None:
    """Configure logging and tracing for this process. Call first in `main`."""
    _logs(service, settings)
    _traces(service, settings)


def _logs(service: str, settings: ServiceSettings) -> None:
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    pretty = settings.log_format == "console"
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=False) if pretty else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            lambda _logger, _method, entry: {"service": service, **entry},
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            _add_trace,
            structlog.processors.ExceptionRenderer() if pretty else _without_locals,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(level, logging.WARNING))


# Not `dict_tracebacks`: it writes down the local variables of every frame, tokens and passwords among them.
_without_locals = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def _add_trace(_logger: Any, _method: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        entry["trace_id"] = f"{context.trace_id:032x}"
    return entry


def _traces(service: str, settings: ServiceSettings) -> None:
    otlp = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if not otlp and not settings.trace_file:
        return
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    if otlp:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    if settings.trace_file:
        out = settings.trace_file.open("a", buffering=1)
        exporter = ConsoleSpanExporter(out=out, formatter=lambda span: _one_line(service, span))
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=200))
    trace.set_tracer_provider(provider)


def _one_line(service: str, span: ReadableSpan) -> str:
    context = span.get_span_context()
    return (
        json.dumps(
            {
                "service": service,
                "name": span.name,
                "kind": span.kind.name.lower(),
                "trace_id": f"{context.trace_id:032x}" if context else None,
                "span_id": f"{context.span_id:016x}" if context else None,
                "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
                "start_ns": span.start_time,
                "end_ns": span.end_time,
                "attributes": dict(span.attributes or {}),
            }
        )
        + "\n"
    )
