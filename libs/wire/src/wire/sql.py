"""A service's database: transactions that carry their events out with them (outbox), and apply each
event that came in once (inbox)."""

import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import structlog
from sqlalchemy import JSON, DateTime, LargeBinary
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.event import listen
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlmodel import Field, SQLModel, col

from contracts.events import Event
from wire.envelope import Letter, Received, seal
from wire.pool import WatchedPool, tell_of
from wire.problem import ProblemError, conflict
from wire.settings import DatabaseAccess
from wire.telemetry import trace_id_in
from wire.timers import Cancellation, Schedule, cancel_letter, schedule_letter

log = structlog.get_logger()

TYPE = "ce-type"


class OutboxRow(SQLModel, table=True):
    """A letter committed and not yet known to be in its stream."""

    __tablename__ = "outbox"
    id: UUID = Field(primary_key=True)
    subject: str
    headers: dict[str, str] = Field(sa_type=JSON)
    body: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)


class InboxRow(SQLModel, table=True):
    """An event that a consumer has applied."""

    __tablename__ = "inbox"
    consumer: str = Field(primary_key=True)
    event_id: UUID = Field(primary_key=True)
    applied_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)


@dataclass
class Transaction:
    """One unit of work. What it emits is committed with it, and goes out after the commit only."""

    session: AsyncSession
    now: datetime
    letters: list[Letter] = field(default_factory=list)
    cause: Received | None = None
    """The event that is being applied, where that is what this transaction does."""
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    """Called after the commit, if this process lives to see it. They neither wait nor fail."""

    def emit(self, *events: Event) -> None:
        """Events that become true with this commit."""
        self.letters.extend(seal(event, self.now) for event in events)

    def schedule(self, *timers: Schedule) -> None:
        """Be woken at these deadlines, if this commits."""
        self.letters.extend(schedule_letter(timer) for timer in timers)

    def cancel(self, *timers: Cancellation) -> None:
        """Forget these deadlines, if this commits."""
        self.letters.extend(cancel_letter(timer) for timer in timers)

    async def first_time(self, consumer: str, event_id: UUID) -> bool:
        """Whether this event was not applied before; marks it applied."""
        row = {"consumer": consumer, "event_id": event_id, "applied_at": self.now}
        statement = insert(InboxRow).values(row).on_conflict_do_nothing().returning(col(InboxRow.event_id))
        return (await self.session.execute(statement)).first() is not None

    async def first_times(self, consumer: str, event_ids: Collection[UUID]) -> set[UUID]:
        """Which of these events were not applied before; marks them applied. In one order for all, so that
        nobody waits in a circle for an event that came twice."""
        if not event_ids:
            return set()
        rows = [
            {"consumer": consumer, "event_id": one, "applied_at": self.now} for one in sorted(set(event_ids))
        ]
        statement = insert(InboxRow).on_conflict_do_nothing().returning(col(InboxRow.event_id))
        return set(await self.session.scalars(statement, rows))


@dataclass(frozen=True)
class Database:
    """An engine, its sessions, and where committed letters are handed over (the outbox's relay)."""

    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    hand_over: Callable[[list[Letter]], None]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commits on leaving, rolls back on any exception. Letters are handed over after the commit.

        ProblemError 409 `conflict` when a concurrent transaction took a unique key first, 503 `unavailable`
        when the database is away, lets nobody in, has no connection left, takes too long over a statement, or
        is read-only. If it went away during the commit the outcome is unknown: every command may be given
        again.
        """
        try:
            async with self._begun() as tx:
                yield tx
        except IntegrityError as error:
            # Two did the same at once, and the database kept one: unique keys are the last word.
            raise conflict("conflict", "Somebody else did this at the same moment; look again") from error
        except (DBAPIError, PoolTimeoutError, OSError) as error:
            if not _is_away(error):
                raise
            raise ProblemError("unavailable", "The database is not answering; try again", 503) from error

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[Transaction]:
        async with self.sessions() as session:
            async with session.begin():
                tx = Transaction(session, datetime.now(UTC))
                yield tx
                rows = [_row(letter, tx.now) for letter in tx.letters]
                if rows:
                    await session.flush()
                    await session.execute(insert(OutboxRow), rows)
            if tx.letters:
                self.hand_over(tx.letters)
                _log_events(tx.letters)
            for call in tx.afterwards:
                try:
                    call()
                except Exception:  # it is committed: whoever waits for it is not to be told otherwise
                    log.exception("transaction.afterwards_failed")


def _log_events(letters: list[Letter]) -> None:
    """A line for each trace that the events are of, with the first one's subject: it names the job."""
    traces: dict[str | None, list[Letter]] = {}
    for letter in letters:
        if TYPE in letter.headers:
            traces.setdefault(trace_id_in(letter.headers), []).append(letter)
    for trace_id, events in traces.items():
        counted = Counter(letter.headers[TYPE] for letter in events)
        log.info("transaction.committed", events=dict(counted), first=events[0].subject, trace_id=trace_id)


_AWAY = ("08", "53", "57014", "57P", "28", "3D000", "55000")
"""SQLSTATE: connection exception, insufficient resources, operator intervention (a statement that took too
long, start, end); our role is not let in, the database is not there, or takes no connections."""
_READ_ONLY = "25006"
"""Of every change, where the server is a replica or was told to take none."""


def _is_away(error: Exception) -> bool:
    if not isinstance(error, DBAPIError):
        return True
    return error.connection_invalidated or _state(error.orig).startswith(_AWAY)


def _state(error: BaseException | None) -> str:
    return getattr(error, "sqlstate", None) or ""


def _leave_if_read_only(context: ExceptionContext) -> None:
    """Let the pool go of all its connections: after a failover they lead to what is a replica now, and stay
    as they are for ever."""
    if _state(context.original_exception) == _READ_ONLY:
        context.is_disconnect = True


def _row(letter: Letter, now: datetime) -> dict[str, object]:
    return {
        "id": letter.id,
        "subject": letter.subject,
        "headers": letter.headers,
        "body": letter.body,
        "created_at": now,
    }


@asynccontextmanager
async def open_database(
    settings: DatabaseAccess, hand_over: Callable[[list[Letter]], None]
) -> AsyncIterator[Database]:
    """A pool of connections, each made when first needed: a database that is not there yet is no error."""
    engine = create_async_engine(
        settings.database_url.get_secret_value(),
        poolclass=WatchedPool,
        pool_size=settings.database_pool,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args=_connection(settings),
    )
    tell_of(engine)
    listen(engine.sync_engine, "handle_error", _leave_if_read_only)
    try:
        yield Database(engine, async_sessionmaker(engine, expire_on_commit=False), hand_over)
    finally:
        await engine.dispose()


def tls(ca: str | None) -> dict[str, ssl.SSLContext]:
    """asyncpg's argument for a certificate that this authority signed (PEM); without one, as the URL says."""
    return {"ssl": ssl.create_default_context(cadata=ca)} if ca else {}


def _connection(settings: DatabaseAccess) -> dict[str, object]:
    """asyncpg's arguments. The client gives up later than the server, which frees what the statement held."""
    limits = {
        "statement_timeout": settings.database_statement_seconds,
        "idle_in_transaction_session_timeout": settings.database_idle_seconds,
    }
    return {
        "timeout": 5,
        "command_timeout": settings.database_statement_seconds + 5,
        "server_settings": {name: f"{seconds * 1000:.0f}" for name, seconds in limits.items()},
        **tls(settings.database_ca),
    }
