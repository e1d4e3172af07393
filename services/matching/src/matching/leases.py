"""Which replicas live, and which regions there are: two tables that all replicas read.

A replica lives while its lease has not run out, by the database's clock: that of no replica counts.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import DateTime, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, SQLModel, col

from matching.share import Share
from wire.sql import Transaction


class ReplicaRow(SQLModel, table=True):
    """A process of matching, and until when it is believed to live."""

    __tablename__ = "replica"
    id: str = Field(primary_key=True)
    until: datetime = Field(sa_type=DateTime(timezone=True))


class RegionRow(SQLModel, table=True):
    """A region that had a job or a driver, and the largest radius (metres) that a job in it ever had."""

    __tablename__ = "region"
    cell: str = Field(primary_key=True)
    radius_m: int


async def renew(session: AsyncSession, replica: str, life: timedelta) -> None:
    """This replica lives that long from now. Leases that have run out are cleared away."""
    fresh = insert(ReplicaRow).values(id=replica, until=func.clock_timestamp() + life)
    until = {"until": fresh.excluded.until}
    await session.execute(fresh.on_conflict_do_update(index_elements=["id"], set_=until))
    over = select(col(ReplicaRow.id)).where(col(ReplicaRow.until) < func.clock_timestamp())
    await session.execute(
        delete(ReplicaRow)
        .where(col(ReplicaRow.id).in_(over.with_for_update(skip_locked=True)))
        .execution_options(synchronize_session=False)
    )


async def release(session: AsyncSession, replica: str) -> None:
    """This replica is leaving."""
    await session.execute(delete(ReplicaRow).where(col(ReplicaRow.id) == replica))


async def living(session: AsyncSession) -> frozenset[str]:
    """The replicas that live."""
    alive = select(col(ReplicaRow.id)).where(col(ReplicaRow.until) >= func.clock_timestamp())
    return frozenset(await session.scalars(alive))


async def regions(session: AsyncSession) -> Mapping[str, int]:
    """All regions, each with its radius."""
    return {row.cell: row.radius_m for row in await session.scalars(select(RegionRow))}


async def meet(tx: Transaction, share: Share, region: str, radius_m: int) -> None:
    """There is a region, with jobs of this radius. Writes nothing if that is known here."""
    if share.known.get(region, -1) >= radius_m:
        return
    met = insert(RegionRow).values(cell=region, radius_m=radius_m)
    larger = {"radius_m": met.excluded.radius_m}
    await tx.session.execute(
        met.on_conflict_do_update(
            index_elements=["cell"], set_=larger, where=col(RegionRow.radius_m) < met.excluded.radius_m
        )
    )
    tx.afterwards.append(partial(share.learn, region, radius_m))
