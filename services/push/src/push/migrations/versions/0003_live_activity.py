"""Live Activities of customers' phones."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "live_activity",
        sa.Column("token", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("job_id", sa.Uuid, nullable=False, index=True),
        sa.Column("app", sa.Text, nullable=False),
        sa.Column("environment", sa.Text, nullable=False),
        sa.Column("registered_at", TIME, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.Column("driver_id", sa.Text),
        sa.Column("position", sa.JSON, nullable=False),
        sa.Column("position_at", TIME),
        sa.Column("positions_from", TIME, nullable=False),
        sa.Column("urgent", sa.Boolean, nullable=False),
        sa.Column("next_at", TIME),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("stamp", sa.BigInteger, nullable=False),
        sa.Column("expires_at", TIME, nullable=False, index=True),
    )
    waiting = sa.text("next_at IS NOT NULL")
    op.create_index("live_activity_due", "live_activity", ["urgent", "next_at"], postgresql_where=waiting)


def downgrade() -> None:
    op.drop_table("live_activity")
