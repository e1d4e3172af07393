"""`waggle-streams`: makes every declared stream and durable consumer, or brings it to its declaration.

Run by whoever deploys, before or after the services; safe to run again.
"""

import asyncio
import json

import nats
import stamina
import structlog
from nats.aio.client import Client

from contracts.access import BOOTSTRAP
from contracts.streams import CONSUMERS, RETIRED, STREAMS, Consumer, Stream
from contracts.subjects import LIVE
from wire.access import OPEN, Access
from wire.connection import RECONNECT_WAIT
from wire.settings import BusSettings

log = structlog.get_logger()

DUPLICATE_WINDOW_S = 120
_NOT_FOUND = 404


class BootstrapError(Exception):
    """The server refused a declaration; the message is its own."""


async def ensure_all(nc: Client) -> None:
    """Create or update all streams, then all consumers."""
    for name in RETIRED:
        await _ask(nc, f"STREAM.DELETE.{name}")
    for stream in STREAMS:
        await ensure_stream(nc, stream)
    for consumer in CONSUMERS:
        await ensure_consumer(nc, consumer)


async def _ask(nc: Client, subject: str, body: object = None) -> dict[str, object]:
    """JetStream's own API: nats-py's configuration classes drop fields that they do not know (schedules)."""
    message = await nc.request(f"$JS.API.{subject}", json.dumps(body).encode() if body else b"", timeout=10)
    reply: dict[str, object] = json.loads(message.data)
    return reply


def _refused(reply: dict[str, object]) -> dict[str, object] | None:
    error = reply.get("error")
    return error if isinstance(error, dict) else None


async def ensure_stream(nc: Client, stream: Stream) -> None:
    """Create `stream`, or bring it to its declaration. BootstrapError if the server refuses."""
    config = {
        "name": stream.name,
        "subjects": list(stream.subjects),
        "retention": "limits",
        "storage": "memory" if stream.in_memory else "file",
        "discard": "old",
        "max_age": int(stream.max_age.total_seconds() * 1e9),
        "max_bytes": stream.max_bytes,
        "max_msgs": -1,
        "max_msgs_per_subject": 1 if stream.latest_only else stream.kept_each,
        "max_consumers": -1,
        "max_msg_size": -1,
        "num_replicas": 1,
        "allow_direct": True,
        "duplicate_window": int(min(DUPLICATE_WINDOW_S, stream.max_age.total_seconds()) * 1e9),
        "allow_msg_schedules": stream.schedules,
        "allow_msg_ttl": stream.schedules,
        **({"persist_mode": "async"} if stream.unsynced else {}),
        **({"republish": {"src": ">", "dest": f"{LIVE}>"}} if stream.republished else {}),
    }
    known = _refused(await _ask(nc, f"STREAM.INFO.{stream.name}"))
    verb = "CREATE" if known and known.get("code") == _NOT_FOUND else "UPDATE"
    if error := _refused(await _ask(nc, f"STREAM.{verb}.{stream.name}", config)):
        raise BootstrapError(f"stream {stream.name}: {error.get('description')}")
    log.info("stream.ready", stream=stream.name, was=verb.lower())


async def ensure_consumer(nc: Client, consumer: Consumer) -> None:
    """Create `consumer`, or bring it to its declaration. BootstrapError if the server refuses."""
    config = {
        "durable_name": consumer.durable,
        "name": consumer.durable,
        "filter_subjects": list(consumer.filters),
        "ack_policy": "explicit",
        "ack_wait": int(consumer.ack_wait.total_seconds() * 1e9),
        "deliver_policy": "all",
        "max_ack_pending": consumer.max_ack_pending,
        "max_deliver": -1,
        "max_waiting": 128,
        "replay_policy": "instant",
    }
    subject = f"CONSUMER.CREATE.{consumer.stream}.{consumer.durable}"
    if error := _refused(await _ask(nc, subject, {"stream_name": consumer.stream, "config": config})):
        raise BootstrapError(f"consumer {consumer.durable}: {error.get('description')}")
    log.info("consumer.ready", stream=consumer.stream, consumer=consumer.durable)


@stamina.retry(on=(nats.errors.Error, OSError), attempts=None, timeout=60, wait_max=2)
async def bootstrap(url: str, access: Access = OPEN) -> None:
    """Connect (waiting up to a minute for the server) and ensure everything."""
    nc = await nats.connect(
        url,
        name="waggle-streams",
        allow_reconnect=False,
        max_reconnect_attempts=1,  # a second try, then stamina's: nats-py's own 60 would be silent ones
        reconnect_time_wait=RECONNECT_WAIT,
        error_cb=_quiet,
        **access.options(BOOTSTRAP, url),
    )
    try:
        await ensure_all(nc)
    finally:
        await nc.close()


async def _quiet(_error: Exception) -> None:
    """stamina logs the retry; nats-py's own callback would print a traceback each time."""


def main() -> None:
    """Console script. `WAGGLE_NATS_URL` names the server, `WAGGLE_NATS_NKEY_SEED` is the user's."""
    settings = BusSettings()
    asyncio.run(bootstrap(settings.nats_url, settings.access))


if __name__ == "__main__":
    main()
