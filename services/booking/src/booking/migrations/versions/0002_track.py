"""Where the drivers of jobs were."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "track",
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("driver_id", sa.Text, primary_key=True),
        sa.Column("lat", sa.Float, nullable=False),
        sa.Column("lng", sa.Float, nullable=False),
        sa.Column("heading", sa.Float),
        sa.Column("speed", sa.Float),
    )
    # A track is read by the primary key's beginning; this one is for forgetting.
    op.create_index("track_recorded", "track", ["recorded_at"])


def downgrade() -> None:
    op.drop_table("track")
