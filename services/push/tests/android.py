"""A push for an Android phone."""

from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.ids import new_id
from push.notifier import Environment, Push


def push(lives: float = 600, **changes: Any) -> Push:
    given: dict[str, Any] = {
        "id": new_id(),
        "token": "registration-token:" + new_id().hex * 4,
        "app": "app.waggle.driver",
        "environment": Environment.production,
        "title": "New Delivery Offer",
        "body": "12 Main St - $45",
        "data": {"type": "offer", "job_id": "J"},
        "collapse_id": "the-offer",
        "urgent": True,
        "expires_at": datetime.now(UTC) + timedelta(seconds=lives),
    }
    return Push(**(given | changes))
