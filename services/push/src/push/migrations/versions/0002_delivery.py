"""Deliveries by channel; offers that ended.

The code before goes on making deliveries until its replicas are replaced: hence the defaults. They have no
collapse id, so that none of them supersedes another.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

TIME = sa.DateTime(timezone=True)
PENDING = sa.text("state = 'pending'")


def upgrade() -> None:
    _add_columns()
    op.drop_index("delivery_due", "delivery")
    op.create_index("delivery_due", "delivery", ["channel", "next_attempt_at"], postgresql_where=PENDING)
    op.create_index("delivery_late", "delivery", ["expires_at"], postgresql_where=PENDING)
    for name in ("offer_id", "search_id"):
        op.create_index(f"delivery_{name}", "delivery", [name], postgresql_where=PENDING)
    op.create_index("delivery_collapse", "delivery", ["token", "collapse_id"])
    op.create_index("notification_created", "notification", ["created_at"])
    op.create_index("device_seen", "device", ["last_seen"])
    op.create_table(
        "ended",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("ended_at", TIME, nullable=False, index=True),
    )


def _add_columns() -> None:
    now, none = sa.text("now()"), sa.false()
    op.add_column("delivery", sa.Column("channel", sa.Text, nullable=False, server_default="apns"))
    op.add_column("delivery", sa.Column("collapse_id", sa.Text))
    op.add_column("delivery", sa.Column("happened_at", TIME, nullable=False, server_default=now))
    op.add_column("delivery", sa.Column("offer_id", sa.Uuid))
    op.add_column("delivery", sa.Column("search_id", sa.Uuid))
    op.add_column("delivery", sa.Column("leased", sa.Boolean, nullable=False, server_default=none))
    op.execute(
        """
        UPDATE delivery SET channel = CASE WHEN platform = 'android' THEN 'fcm' ELSE 'apns-sandbox' END
        FROM device WHERE device.token = delivery.token AND state = 'pending'
            AND (platform = 'android' OR environment = 'sandbox')
        """
    )


def downgrade() -> None:
    op.drop_table("ended")
    op.drop_index("device_seen", "device")
    op.drop_index("notification_created", "notification")
    for name in ("collapse", "search_id", "offer_id", "late", "due"):
        op.drop_index(f"delivery_{name}", "delivery")
    op.create_index("delivery_due", "delivery", ["next_attempt_at"], postgresql_where=PENDING)
    for name in ("leased", "search_id", "offer_id", "happened_at", "collapse_id", "channel"):
        op.drop_column("delivery", name)
