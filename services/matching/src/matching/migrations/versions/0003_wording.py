"""Words that service types have of their own, and a version to tell their changes apart by."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("service_type", sa.Column("wording", sa.JSON))
    # The code before knows no version, and goes on setting service types until its replicas are replaced.
    op.add_column("service_type", sa.Column("version", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("service_type", "version")
    op.drop_column("service_type", "wording")
