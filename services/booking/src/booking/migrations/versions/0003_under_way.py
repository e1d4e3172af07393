"""Jobs under way are counted every few seconds, out of all that ever were."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

UNDER_WAY = sa.text("status IN ('pending', 'accepted', 'en_route', 'arrived', 'in_progress')")


def upgrade() -> None:
    op.create_index("booking_under_way", "booking", ["status"], postgresql_where=UNDER_WAY)


def downgrade() -> None:
    op.drop_index("booking_under_way", "booking")
