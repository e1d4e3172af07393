"""Drivers, searches, offers, service types, outbox, inbox."""

import sqlalchemy as sa
from alembic import op

from wire.tables import create_inbox, create_outbox

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)

RULES = {
    "courier": {"steps": [{"policy": "cascade"}]},
    "haul": {"steps": [{"policy": "broadcast"}]},
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
        sa.Column("edge", sa.Text),
        sa.Column("contact_at", TIME),
        sa.Column("silent_at", TIME),
        sa.Column("grace_id", sa.Uuid, unique=True),
        sa.Column("grace_until", TIME),
        sa.Column("active_job", sa.Uuid, unique=True),
        sa.Column("active_customer", sa.Text),
        sa.Column("rating", sa.Float),
        sa.Column("completed_jobs", sa.Integer, nullable=False),
        sa.Column("offers_taken", sa.Integer, nullable=False),
        sa.Column("offers_lost", sa.Integer, nullable=False),
        sa.Column("idle_since", TIME),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
    )
    # The sweep's: deadlines of drivers who are online (C4, C5), and the edges they are on.
    for column in ("silent_at", "grace_until", "edge"):
        op.create_index(
            f"driver_{column}", "driver", [column], postgresql_where=sa.text(f"{column} IS NOT NULL")
        )
    op.create_table(
        "search",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("job_id", sa.Uuid, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("rules", sa.JSON, nullable=False),
        sa.Column("rung", sa.Integer, nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
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
    op.create_index("search_due", "search", ["deadline"], postgresql_where=sa.text("state = 'searching'"))
    op.create_index("search_open", "search", ["id"], postgresql_where=sa.text("open"))
    op.create_table(
        "offer",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("search_id", sa.Uuid, sa.ForeignKey("search.id"), nullable=False),
        sa.Column("driver_id", sa.Text, sa.ForeignKey("driver.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("rung", sa.Integer, nullable=False),
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
    # Why-not: who was looked at when, and how drivers stood through time (A12, E4).
    op.create_table(
        "decision",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("search_id", sa.Uuid, nullable=False, index=True),
        sa.Column("at", TIME, nullable=False, index=True),
        sa.Column("rung", sa.Integer, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("candidates", sa.JSON, nullable=False),
    )
    op.create_table(
        "driver_standing",
        sa.Column("driver_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("at", TIME, nullable=False, index=True),
        sa.Column("gate", sa.Text),
        sa.Column("vehicle_type", sa.Text),
    )
    service_type = op.create_table(
        "service_type",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("rules", sa.JSON, nullable=False),
    )
    op.bulk_insert(service_type, [{"name": name, "rules": rules} for name, rules in RULES.items()])
    create_outbox()
    create_inbox()


def downgrade() -> None:
    for table in (
        "inbox",
        "outbox",
        "service_type",
        "driver_standing",
        "decision",
        "offer",
        "search",
        "driver",
    ):
        op.drop_table(table)
