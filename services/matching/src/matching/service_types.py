"""How jobs of each service type are dispatched: kept in the database, edited by admins (B14)."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import JSON, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field as Column
from sqlmodel import SQLModel, col

from contracts.service_types import ServiceTypeChanged
from matching.states import Policy, Rules, Step, Weights
from matching.wording import WordingBody, told_as, wording_to
from wire.sql import Transaction

Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Radii = Annotated[list[Annotated[int, Field(ge=1, le=200_000)]], Field(min_length=1, max_length=10)]
Tries = Annotated[int, Field(ge=1, le=1000)]
Weight = Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)]

COURIER_RADII, HAUL_RADII = [5_000, 15_000], [30_000]
OFFER_SECONDS, SEARCH_SECONDS, TRIES = 30.0, 120.0, 10


class ServiceTypeRow(SQLModel, table=True):
    """How jobs of this name are dispatched (B14), and told of. `version` grows with each change."""

    __tablename__ = "service_type"
    name: str = Column(primary_key=True)
    rules: dict[str, Any] = Column(sa_type=JSON)
    wording: dict[str, Any] | None = Column(default=None, sa_type=JSON(none_as_null=True))
    version: int = 0


class Rung(BaseModel):
    """One step of a ladder: seconds, metres. What is not said is as the policy's requirements have it.

    `at_once` is a group's size. A direct step asks the driver that the order names, however far away; a
    broadcast asks everybody in its reach, so neither has tries.
    """

    model_config = ConfigDict(extra="forbid")

    policy: Policy
    offer_seconds: Seconds | None = None
    tries: Tries | None = None
    radii_m: Radii | None = None
    at_once: Annotated[int, Field(ge=2, le=100)] | None = None

    @model_validator(mode="after")
    def _fitting(self) -> "Rung":
        if (self.at_once is not None) != (self.policy is Policy.group):
            raise ValueError("at_once goes with the policy `group`, and with no other")
        if self.policy is Policy.direct and (self.tries or self.radii_m):
            raise ValueError("a direct step asks one driver, however far away")
        if self.policy is Policy.broadcast and self.tries:
            raise ValueError("a broadcast asks everybody in its reach")
        return self._completed()

    def _completed(self) -> "Rung":
        asks_all, asks_one = self.policy is Policy.broadcast, self.policy is Policy.direct
        if "offer_seconds" not in self.model_fields_set and not asks_all:
            self.offer_seconds = OFFER_SECONDS
        if self.radii_m is None and not asks_one:
            self.radii_m = HAUL_RADII if asks_all else COURIER_RADII
        if self.tries is None and not (asks_all or asks_one):
            self.tries = self.at_once or TRIES
        return self

    def step(self) -> Step:
        """As the policies want it."""
        return Step(
            self.policy,
            timedelta(seconds=self.offer_seconds) if self.offer_seconds else None,
            1 if self.policy is Policy.direct else self.tries,
            tuple(self.radii_m or ()),
            self.at_once or 1,
        )


class Ranking(BaseModel):
    """What a star, an idle minute, a full acceptance rate are worth in seconds; see `Weights`."""

    model_config = ConfigDict(extra="forbid")

    rating: Weight = 0
    idle: Weight = 0
    acceptance: Weight = 0


class RulesBody(BaseModel):
    """How a service type is dispatched (B14): its ladder, from the first step to the last.

    A null `search_seconds` has no end. Not said, it is two minutes; for a lone broadcast no end (A14, B9).
    `wording`: what its notifications say in place of the requirements' words.
    """

    model_config = ConfigDict(extra="forbid")

    steps: Annotated[list[Rung], Field(min_length=1, max_length=10)]
    search_seconds: Seconds | None = None
    stale_seconds: Annotated[float, Field(gt=0, le=3600)] = 60
    ranking: Ranking = Ranking()
    wording: WordingBody | None = None

    @model_validator(mode="after")
    def _completed(self) -> "RulesBody":
        if "search_seconds" not in self.model_fields_set and self.steps[0].policy is not Policy.broadcast:
            self.search_seconds = SEARCH_SECONDS
        if any(step.policy is Policy.broadcast for step in self.steps[:-1]):
            raise ValueError("nothing comes after a broadcast: it asks everybody, and waits")
        return self

    def rules(self) -> Rules:
        """As the domain wants them."""
        return Rules(
            tuple(rung.step() for rung in self.steps),
            timedelta(seconds=self.search_seconds) if self.search_seconds else None,
            timedelta(seconds=self.stale_seconds),
            Weights(**self.ranking.model_dump()),
        )


def rules_from(kept: dict[str, Any]) -> Rules:
    """Rules as they are kept."""
    return RulesBody.model_validate(kept).rules()


def rules_to(body: RulesBody) -> dict[str, Any]:
    """The inverse of `rules_from`. Without the wording, which no search needs."""
    return body.model_dump(mode="json", exclude={"wording"})


DEFAULT = rules_to(RulesBody(steps=[Rung(policy=Policy.cascade)]))
"""What a search has that no service type is known for."""


async def rules_of(session: AsyncSession, service_type: str) -> dict[str, Any] | None:
    """The kept rules of a service type."""
    row = await session.get(ServiceTypeRow, service_type)
    return row.rules if row else None


def body_of(row: ServiceTypeRow) -> RulesBody:
    """A service type as admins see it."""
    return RulesBody.model_validate(row.rules | {"wording": row.wording})


async def put(tx: Transaction, name: str, body: RulesBody) -> None:
    """Set it, whatever it was, and tell so. One statement: of two at once one is the newer version."""
    values = {"rules": rules_to(body), "wording": wording_to(body.wording)}
    statement = insert(ServiceTypeRow).values({"name": name, "version": 1} | values)
    again = {**values, "version": col(ServiceTypeRow.version) + 1}
    written = statement.on_conflict_do_update(index_elements=["name"], set_=again)
    version = (await tx.session.execute(written.returning(col(ServiceTypeRow.version)))).scalar_one()
    tx.emit(ServiceTypeChanged(service_type=name, version=version, wording=told_as(values["wording"])))


async def every_one(session: AsyncSession) -> list[ServiceTypeRow]:
    """All service types, by name."""
    return list(await session.scalars(select(ServiceTypeRow).order_by(col(ServiceTypeRow.name))))
