"""Alembic runs this; the connection is the one that `wire.migrate` opened."""

import matching.service_types
import matching.store  # noqa: F401  # the tables that migrations are compared with
from wire.migrate import environment

environment()
