"""Publishing to JetStream: done only when the stream has acknowledged it."""

from nats.js import JetStreamContext
from opentelemetry import trace

from contracts.events import Event
from wire.envelope import Letter, seal
from wire.refusals import unless_refused

tracer = trace.get_tracer("wire")

PUBLISH_TIMEOUT = 5.0
"""Seconds to wait for the acknowledgement. After it the outcome is unknown: send again, under the same id."""


async def publish(js: JetStreamContext, event: Event) -> None:
    """Publish an event that no database stands behind. Raises when the stream did not acknowledge it."""
    await post(js, seal(event))


async def post(js: JetStreamContext, letter: Letter) -> None:
    """Publish a sealed letter; safe to repeat, JetStream drops the copy (`duplicate_window`).

    NotPermittedError at once where the contracts do not let this service publish.
    """
    async with unless_refused(js._nc, letter.subject):
        await js.publish(letter.subject, letter.body, headers=dict(letter.headers), timeout=PUBLISH_TIMEOUT)
