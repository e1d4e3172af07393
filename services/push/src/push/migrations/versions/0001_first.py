"""Devices, notifications, deliveries, outbox, inbox."""

import sqlalchemy as sa
from alembic import op

from wire.tables import create_inbox, create_outbox

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "device",
        sa.Column("token", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False, index=True),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("app", sa.Text, nullable=False),
        sa.Column("environment", sa.Text, nullable=False),
        sa.Column("registered_at", TIME, nullable=False),
        sa.Column("last_seen", TIME, nullable=False),
    )
    op.create_table(
        "notification",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("collapse_id", sa.Text, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("read_at", TIME),
        sa.UniqueConstraint("event_id", "user_id"),
    )
    op.create_index("notification_user", "notification", ["user_id", "id"])
    unread = sa.text("read_at IS NULL")
    op.create_index("notification_unread", "notification", ["user_id"], postgresql_where=unread)
    _create_delivery()
    create_outbox()
    create_inbox()


def _create_delivery() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("notification_id", sa.Uuid, sa.ForeignKey("notification.id"), nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("next_attempt_at", TIME, nullable=False),
        sa.Column("last_reason", sa.Text),
        sa.Column("sent_at", TIME),
        sa.UniqueConstraint("notification_id", "token"),
    )
    pending = sa.text("state = 'pending'")
    op.create_index("delivery_due", "delivery", ["next_attempt_at"], postgresql_where=pending)


def downgrade() -> None:
    for table in ("inbox", "outbox", "delivery", "notification", "device"):
        op.drop_table(table)
