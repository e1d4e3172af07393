"""Logs and traces, set up once a process."""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from opentelemetry import context, propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from wire.numbering import Numbering
from wire.settings import ServiceSettings

EXPORT_S = 2.0
"""Longest to try to export a batch of spans; while the collector is away a process ends that much later."""


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
    own = trace.get_current_span().get_span_context()
    if own.is_valid:
        entry.setdefault("trace_id", f"{own.trace_id:032x}")
    return entry


def is_recorded() -> bool:
    """Whether this process exports its spans. If not, `wire.numbering` only passes their ids on."""
    return isinstance(trace.get_tracer_provider(), TracerProvider)


def traceparent() -> str | None:
    """Whose trace this is, for a row that somebody looks at again without being asked to."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers.get("traceparent")


@contextmanager
def continuing(kept: str | None) -> Iterator[None]:
    """What is emitted in the block belongs to the trace that was kept, unless to one already."""
    if kept is None or trace.get_current_span().get_span_context().is_valid:
        yield
        return
    token = context.attach(propagate.extract({"traceparent": kept}))
    try:
        yield
    finally:
        context.detach(token)


def trace_id_in(headers: Mapping[str, str] | None) -> str | None:
    """Whose trace a message is of, by its `traceparent` (W3C Trace Context, 3.2), unchecked: for a log line
    where a span would cost too much."""
    return (headers or {}).get("traceparent", "")[3:35] or None


def _traces(service: str, settings: ServiceSettings) -> None:
    otlp = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if not otlp and not settings.trace_file:
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):  # it can be set only once
            trace.set_tracer_provider(Numbering())
        return
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    if otlp:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=EXPORT_S)))
    if settings.trace_file:
        out = settings.trace_file.open("a", buffering=1)
        exporter = ConsoleSpanExporter(out=out, formatter=lambda span: _one_line(service, span))
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=200))
    trace.set_tracer_provider(provider)


def _one_line(service: str, span: ReadableSpan) -> str:
    own = span.get_span_context()
    return (
        json.dumps(
            {
                "service": service,
                "name": span.name,
                "kind": span.kind.name.lower(),
                "trace_id": f"{own.trace_id:032x}" if own else None,
                "span_id": f"{own.span_id:016x}" if own else None,
                "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
                "start_ns": span.start_time,
                "end_ns": span.end_time,
                "attributes": dict(span.attributes or {}),
            }
        )
        + "\n"
    )
