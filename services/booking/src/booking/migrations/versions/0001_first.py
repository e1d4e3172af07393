"""Bookings, idempotency keys, outbox, inbox."""

import sqlalchemy as sa
from alembic import op

from wire.tables import create_inbox, create_outbox

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("booking_number")))
    op.create_table(
        "booking",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("number", sa.Text, nullable=False, unique=True),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("driver_id", sa.Text),
        sa.Column("service_type", sa.Text, nullable=False),
        sa.Column("vehicle_type", sa.Text),
        sa.Column("requested_driver_id", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("pickup", sa.JSON),
        sa.Column("dropoff", sa.JSON),
        sa.Column("items", sa.JSON),
        sa.Column("notes", sa.Text),
        sa.Column("total_price", sa.Numeric(12, 2), nullable=False),
        sa.Column("payment_method", sa.Text),
        sa.Column("cash_to_collect", sa.Numeric(12, 2)),
        sa.Column("driver", sa.JSON),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
    )
    op.create_index("booking_customer", "booking", ["customer_id", "id"])
    op.create_index("booking_driver", "booking", ["driver_id", "id"])
    op.create_table(
        "idempotency",
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("booking_id", sa.Uuid, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
    )
    create_outbox()
    create_inbox()


def downgrade() -> None:
    for table in ("inbox", "outbox", "idempotency", "booking"):
        op.drop_table(table)
    op.execute(sa.schema.DropSequence(sa.Sequence("booking_number")))
