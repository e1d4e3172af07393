"""Keeping the supply map true: filled at the start, then followed on the bus."""

import nats.errors
import stamina
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import DeliverPolicy
from nats.js.errors import NotFoundError
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from contracts.events import DriverLocated, DriverState, DriverStatusChanged
from contracts.streams import LOCATIONS
from contracts.subjects import ALL_LOCATIONS, all_of
from matching import outgoing
from matching.states import Gate
from matching.store import DriverRow
from matching.supply import Supply
from wire.envelope import UndecodableError, unseal
from wire.problem import ProblemError
from wire.sql import Database

log = structlog.get_logger()

SNAPSHOT_IDLE_S = 5.0
"""Seconds to wait for the next of the last values."""


async def follow(nc: Client, supply: Supply) -> None:
    """Subscribe to positions and availability. Core NATS: the newest is all that counts."""

    async def located(message: Msg) -> None:
        _locate(supply, message)

    async def changed(message: Msg) -> None:
        try:
            event = unseal(message.headers, message.data).event
        except UndecodableError:
            log.warning("driver_status.undecodable", subject=message.subject)
            return
        if isinstance(event, DriverStatusChanged):
            mark(supply, event)

    await nc.subscribe(ALL_LOCATIONS, cb=located)
    await nc.subscribe(all_of(DriverStatusChanged), cb=changed)
    # Twice: nats-py 2.16 writes the first PING past a SUB that still waits in its buffer.
    await nc.flush()
    await nc.flush()


def mark(supply: Supply, event: DriverStatusChanged) -> None:
    """An older status than is known (a swept letter) changes nothing."""
    supply.mark(event.driver_id, gate=_gate(event), vehicle_type=event.vehicle_type, version=event.version)


def _gate(event: DriverStatusChanged) -> Gate | None:
    if not event.approved:
        return Gate.not_approved
    if event.is_operator:
        return Gate.operator
    return {DriverState.offline: Gate.offline, DriverState.busy: Gate.busy}.get(event.state)


def _locate(supply: Supply, message: Msg) -> None:
    try:
        there = DriverLocated.model_validate_json(message.data)
    except ValidationError:
        log.warning("location.undecodable", subject=message.subject)
        return
    supply.move(there.driver_id, there.lat, there.lng, there.recorded_at)


@stamina.retry(
    on=(OSError, SQLAlchemyError, nats.errors.Error, ProblemError), attempts=None, timeout=None, wait_max=1
)
async def fill(nc: Client, database: Database, supply: Supply) -> None:
    """Everybody online, and the last position of each; waits for a database that is not there yet.

    After `follow`, so that nothing falls between.
    """
    async with database.transaction() as tx:
        for row in await tx.session.scalars(select(DriverRow).where(col(DriverRow.online))):
            mark(supply, outgoing.status_of(row))
    await _last_positions(nc, supply)
    log.info("supply.loaded", drivers=len(supply))


async def _last_positions(nc: Client, supply: Supply) -> None:
    js = nc.jetstream()
    try:
        if (await js.stream_info(LOCATIONS.name)).state.messages == 0:
            return
        last = await js.subscribe(
            ALL_LOCATIONS, ordered_consumer=True, deliver_policy=DeliverPolicy.LAST_PER_SUBJECT
        )
    except NotFoundError:  # the streams are not declared yet, so nobody's position is in one
        log.warning("locations.no_stream")
        return
    try:
        while True:
            message = await last.next_msg(timeout=SNAPSHOT_IDLE_S)
            _locate(supply, message)
            if message.metadata.num_pending == 0:
                return
    except TimeoutError:  # the last of them grew too old meanwhile
        log.warning("locations.ended_early")
    finally:
        await last.unsubscribe()
