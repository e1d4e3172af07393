"""Regions, the replicas that own them, and searches that wait for their region's owner."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "replica",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "region",
        sa.Column("cell", sa.Text, primary_key=True),
        sa.Column("radius_m", sa.Integer, nullable=False),
    )
    op.add_column("search", sa.Column("region", sa.Text))
    # A replica of the version before knows nothing of these columns, and looks for drivers itself.
    op.add_column("search", sa.Column("waiting", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("search", "waiting")
    op.drop_column("search", "region")
    op.drop_table("region")
    op.drop_table("replica")
