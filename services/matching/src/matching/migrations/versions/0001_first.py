"""Drivers, searches, offers, service types, outbox, inbox."""

import sqlalchemy as sa
from alembic import op

from wire.tables import create_inbox, create_outbox

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)

RULES = {
    "courier": {
        "mode": "cascade",
        "offer_seconds": 30,
        "search_seconds": 120,
        "max_tries": 10,
        "radii_m": [5000, 15000],
        "stale_seconds": 60,
    },
    "haul": {
        "mode": "broadcast",
        "offer_seconds": None,
        "search_seconds": None,
        "max_tries": 10,
        "radii_m": [30000],
        "stale_seconds": 60,
    },
}


def upgrade() -> None:
    op.create_table(
        "driver",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("phone", sa.Text),
        sa.Column("avatar", sa.Text),
        sa.Column("vehicle_type", sa.Text),
        sa.Column("truck_type", sa.Text),
        sa.Column("is_operator", sa.Boolean, nullable=False),
        sa.Column("approved", sa.Boolean, nullable=False),
        sa.Column("online", sa.Boolean, nullable=False),
        sa.Column("vehicle_id", sa.Text),
        sa.Column("active_job", sa.Uuid, unique=True),
        sa.Column("active_customer", sa.Text),
        sa.Column("rating", sa.Float),
        sa.Column("completed_jobs", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
    )
    op.create_table(
        "search",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("rules", sa.JSON, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("job", sa.JSON, nullable=False),
        sa.Column("driver_id", sa.Text),
        sa.Column("failure", sa.Text),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("deadline", TIME),
        sa.Column("ended_at", TIME),
        sa.UniqueConstraint("job_id", "attempt", name="one_search_an_attempt"),
    )
    # Two drivers can never have one job, and one search at a time looks for a driver for it.
    op.create_index(
        "one_open_search_a_job",
        "search",
        ["job_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('searching', 'assigned')"),
    )
    op.create_index(
        "search_open", "search", ["mode", "deadline"], postgresql_where=sa.text("state = 'searching'")
    )
    op.create_table(
        "offer",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("search_id", sa.Uuid, sa.ForeignKey("search.id"), nullable=False),
        sa.Column("driver_id", sa.Text, sa.ForeignKey("driver.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("exclusive", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("answered_at", TIME),
        sa.UniqueConstraint("search_id", "driver_id", name="one_offer_a_driver_and_search"),
    )
    # A driver holds at most one live exclusive offer, whichever replica makes it (B6, DESIGN invariant 3).
    op.create_index(
        "one_live_exclusive_offer_a_driver",
        "offer",
        ["driver_id"],
        unique=True,
        postgresql_where=sa.text("exclusive AND state = 'pending'"),
    )
    op.create_index(
        "offer_live_of_driver", "offer", ["driver_id"], postgresql_where=sa.text("state = 'pending'")
    )
    op.create_index("offer_due", "offer", ["expires_at"], postgresql_where=sa.text("state = 'pending'"))
    service_type = op.create_table(
        "service_type",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("rules", sa.JSON, nullable=False),
    )
    op.bulk_insert(service_type, [{"name": name, "rules": rules} for name, rules in RULES.items()])
    create_outbox()
    create_inbox()


def downgrade() -> None:
    for table in ("inbox", "outbox", "service_type", "offer", "search", "driver"):
        op.drop_table(table)
