"""Alembic runs this; the connection is the one that `wire.migrate` opened."""

import booking.store
import booking.tracking  # noqa: F401  # their tables are what migrations are compared with
from wire.migrate import environment

environment()
