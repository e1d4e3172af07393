"""A pool of database connections that says how many of them are in use, and how many wait for one."""

from functools import partial

from prometheus_client import Gauge
from sqlalchemy import AsyncAdaptedQueuePool
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

POOL_SIZE = Gauge("waggle_database_pool_size", "Database connections that this process may have")
POOL_USED = Gauge("waggle_database_pool_used", "Database connections in use")
POOL_WAITING = Gauge("waggle_database_pool_waiting", "Transactions that wait for a database connection")


class WatchedPool(AsyncAdaptedQueuePool):
    """SQLAlchemy's own, which does not tell how many wait. One that is just being connected counts, too."""

    def _do_get(self) -> ConnectionPoolEntry:
        with POOL_WAITING.track_inprogress():
            return super()._do_get()


def tell_of(engine: AsyncEngine) -> None:
    """From now on the metrics say how this engine's pool stands. One process has one database."""
    POOL_SIZE.set_function(partial(_size, engine))
    POOL_USED.set_function(partial(_used, engine))


def _size(engine: AsyncEngine) -> float:
    return float(engine.pool.size()) if isinstance(engine.pool, QueuePool) else 0.0


def _used(engine: AsyncEngine) -> float:
    return float(engine.pool.checkedout()) if isinstance(engine.pool, QueuePool) else 0.0
