"""The outbox and inbox tables, for the first migration of a service."""

import sqlalchemy as sa
from alembic import op

TIME = sa.DateTime(timezone=True)


def create_outbox() -> None:
    """See `wire.sql.OutboxRow`. The index is the sweep's: oldest letters first."""
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("headers", sa.JSON, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_at", TIME, nullable=False, index=True),
    )


def create_inbox() -> None:
    """See `wire.sql.InboxRow`. The index is for forgetting old marks."""
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Uuid, primary_key=True),
        sa.Column("applied_at", TIME, nullable=False, index=True),
    )
