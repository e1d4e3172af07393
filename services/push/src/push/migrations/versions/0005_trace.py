"""The trace that a notification belongs to, for the log of its pushes."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("notification", sa.Column("trace_id", sa.Text))


def downgrade() -> None:
    op.drop_column("notification", "trace_id")
