"""How drivers stand, on the supply map: filled at the start, then followed on the bus.

Where they are is `territory`'s: it knows which regions this replica needs.
"""

import stamina
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from contracts.events import DriverState, DriverStatusChanged
from contracts.subjects import all_of
from matching import outgoing
from matching.states import Gate
from matching.store import DriverRow
from matching.supply import Supply
from wire.envelope import UndecodableError, unseal
from wire.problem import ProblemError
from wire.sql import Database

log = structlog.get_logger()


async def follow(nc: Client, supply: Supply) -> None:
    """Subscribe to availability. Core NATS: the newest is all that counts."""

    async def changed(message: Msg) -> None:
        try:
            event = unseal(message.headers, message.data).event
        except UndecodableError:
            log.warning("driver_status.undecodable", subject=message.subject)
            return
        if isinstance(event, DriverStatusChanged):
            mark(supply, event)

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


@stamina.retry(on=(OSError, SQLAlchemyError, ProblemError), attempts=None, timeout=None, wait_max=1)
async def fill(database: Database, supply: Supply) -> None:
    """Everybody online; waits for a database that is not there yet.

    After `follow`, so that nothing falls between.
    """
    async with database.transaction() as tx:
        for row in await tx.session.scalars(select(DriverRow).where(col(DriverRow.online))):
            mark(supply, outgoing.status_of(row))
