"""Bookings are listed by status, out of all that ever were, for the admins' map."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # On a large table it is made by hand beforehand (deploy/k8s/README.md, Migrations).
    op.create_index("booking_status", "booking", ["status", "id"], if_not_exists=True)


def downgrade() -> None:
    op.drop_index("booking_status", "booking")
