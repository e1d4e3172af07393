"""Why-not, kept: what each look for drivers saw, and how drivers stood through time (A12, E4)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, DateTime, delete, exists, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import Field, SQLModel, col

from contracts.ids import new_id
from matching.policies.candidates import Candidate, score
from matching.states import Gate, Search
from matching.store import DriverRow, SearchRow
from wire.sql import Transaction

MOST = 300
"""Candidates kept of one decision, the nearest of them."""
MOST_OTHERS = 200
"""Drivers told of that no decision looked at."""


class DecisionRow(SQLModel, table=True):
    """One look for drivers. `complete`: nobody else was in reach."""

    __tablename__ = "decision"
    id: UUID = Field(primary_key=True)
    search_id: UUID
    at: datetime = Field(sa_type=DateTime(timezone=True))
    rung: int
    policy: str
    complete: bool
    candidates: list[dict[str, Any]] = Field(sa_type=JSON)


class StandingRow(SQLModel, table=True):
    """From `at` on, what stood against asking a driver; nothing, if `gate` is null."""

    __tablename__ = "driver_standing"
    driver_id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    at: datetime = Field(sa_type=DateTime(timezone=True))
    gate: str | None = None
    vehicle_type: str | None = None


def keep(
    tx: Transaction,
    search: Search,
    candidates: Sequence[Candidate],
    passed_over: dict[str, Gate],
    *,
    complete: bool,
) -> None:
    """Kept with the transaction that decided."""
    seen: list[dict[str, Any]] = [
        {
            "driver_id": one.driver,
            "distance_m": None if one.distance_m is None else round(one.distance_m),
            "eta_s": round(one.seconds),
            "score": round(score(one, search.rules.weights), 1),
        }
        for one in candidates[:MOST]
    ]
    gates = list(passed_over.items())[: MOST - len(seen)]
    seen.extend({"driver_id": driver, "gate": gate.value} for driver, gate in gates)
    row = DecisionRow(
        id=new_id(),
        search_id=search.id,
        at=tx.now,
        rung=search.rung,
        policy=search.step.policy.value,
        complete=complete,
        candidates=seen,
    )
    tx.session.add(row)


def gate_of(row: DriverRow) -> Gate | None:
    """What stands against a driver, whatever the job."""
    if not row.approved:
        return Gate.not_approved
    if row.is_operator:
        return Gate.operator
    if row.active_job is not None:
        return Gate.busy
    return None if row.online else Gate.offline


def remember(tx: Transaction, row: DriverRow) -> None:
    """How a driver stands from now on. Once for each version of it."""
    gate = gate_of(row)
    tx.session.add(
        StandingRow(
            driver_id=row.id,
            version=row.version,
            at=tx.now,
            gate=gate.value if gate else None,
            vehicle_type=row.vehicle_type,
        )
    )


async def decisions_of(session: AsyncSession, searches: Collection[UUID]) -> list[DecisionRow]:
    """Every look for drivers of these searches, oldest first."""
    statement = select(DecisionRow).where(col(DecisionRow.search_id).in_(searches))
    return list(await session.scalars(statement.order_by(col(DecisionRow.id))))


async def others(
    session: AsyncSession, row: SearchRow, seen: Collection[str], driver_id: str | None
) -> list[StandingRow]:
    """How drivers that no decision saw stood when the search began; of all, or of one."""
    statement = (
        select(StandingRow)
        .ext(distinct_on(col(StandingRow.driver_id)))
        .where(col(StandingRow.at) <= row.started_at, col(StandingRow.driver_id).not_in(seen))
        .order_by(col(StandingRow.driver_id), col(StandingRow.version).desc())
        .limit(MOST_OTHERS)
    )
    if driver_id is not None:
        statement = statement.where(col(StandingRow.driver_id) == driver_id)
    return list(await session.scalars(statement))


async def forget(tx: Transaction, before: datetime) -> None:
    """What was decided `before`, and how drivers stood until then; how each stood last is kept."""
    await tx.session.execute(delete(DecisionRow).where(col(DecisionRow.at) < before))
    newer = aliased(StandingRow)
    superseded = exists().where(
        col(newer.driver_id) == col(StandingRow.driver_id),
        col(newer.version) > col(StandingRow.version),
        col(newer.at) < before,
    )
    await tx.session.execute(delete(StandingRow).where(col(StandingRow.at) < before, superseded))
