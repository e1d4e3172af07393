"""Words that service types have of their own; what was told of a job, by the job (A12)."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "wording",
        sa.Column("service_type", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("words", sa.JSON, nullable=False),
    )
    op.add_column("notification", sa.Column("localized", sa.JSON))
    # On what is there already: rows of before are found, and those that the code before still writes.
    job = sa.text("(data ->> 'job_id')")
    op.create_index("notification_job", "notification", [job, "id"])


def downgrade() -> None:
    op.drop_index("notification_job", "notification")
    op.drop_column("notification", "localized")
    op.drop_table("wording")
