"""Messages made of nothing but their schemas."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.events import Event
from contracts.ids import new_id
from contracts.models import DriverCard, Job, JobStatus

JOB = Job(
    id=new_id(),
    number="W-1",
    customer_id="customer@example.com",
    service_type="courier",
    status=JobStatus.pending,
    version=1,
    total_price="12.50",
    created_at=datetime(2026, 11, 20, tzinfo=UTC),
    updated_at=datetime(2026, 11, 20, tzinfo=UTC),
)
FIELDS: dict[str, Any] = {
    "job": JOB,
    "job_id": JOB.id,
    "customer_id": JOB.customer_id,
    "cancelled_by": "user",
    "previous": "pending",
    "search_id": new_id(),
    "attempt": 1,
    "mode": "cascade",
    "reason": "max_tries",
    "tried": 10,
    "offer_id": new_id(),
    "number": 1,
    "exclusive": True,
    "driver": DriverCard(id="driver.7", name="Bee"),
    "status": "accepted",
    "driver_id": "driver.7",
    "state": "available",
    "approved": True,
    "version": 1,
    "disconnected_at": datetime(2026, 11, 20, tzinfo=UTC),
    "notification_id": new_id(),
    "user_id": "driver.7",
    "subject_id": "driver.7",
    "title": "t",
    "body": "b",
    "kind": "k",
    "data": {"job_id": "1"},
    "service_type": "moving",
    "created_at": datetime(2026, 11, 20, tzinfo=UTC),
}


@pytest.fixture
def job() -> Job:
    return JOB


@pytest.fixture
def make() -> Any:
    """An event of the given type with its required fields, and those given."""

    def event(kind: type[Event], **given: Any) -> Event:
        required = {name for name, field in kind.model_fields.items() if field.is_required()}
        return kind.model_validate({name: FIELDS[name] for name in required - given.keys()} | given)

    return event
