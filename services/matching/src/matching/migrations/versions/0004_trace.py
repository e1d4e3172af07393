"""Whose trace a search belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("search", sa.Column("trace", sa.Text))


def downgrade() -> None:
    op.drop_column("search", "trace")
