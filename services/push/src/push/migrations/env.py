"""Alembic runs this; the connection is the one that `wire.migrate` opened."""

import push.tables  # noqa: F401  # its tables are what migrations are compared with
from wire.migrate import environment

environment()
