"""Alembic runs this; the connection is the one that `wire.migrate` opened."""

import booking.store  # noqa: F401  # its tables are what migrations are compared with
from wire.migrate import environment

environment()
