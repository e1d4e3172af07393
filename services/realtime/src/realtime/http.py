"""The edge's own route: ending what somebody's tokens are good for."""

from datetime import UTC, datetime

import nats.errors
import structlog
from fastapi import APIRouter
from nats.aio.client import Client
from pydantic import AwareDatetime, BaseModel, Field

from contracts.events import IdentityRevoked
from contracts.models import Role, SubjectId, Text
from wire.http import Caller
from wire.problem import ProblemError, forbidden
from wire.publish import publish

log = structlog.get_logger()


class Wish(BaseModel):
    """`role`: only the tokens of this role. `issued_before`: only those that were issued before; now, unless
    it is given; null: all, also those that are issued in the next 24 hours."""

    role: Role | None = None
    issued_before: AwareDatetime | None = Field(default_factory=lambda: datetime.now(UTC))
    reason: Text | None = Field(default=None, max_length=500)


class Revocation(BaseModel):
    """What is void from now on."""

    subject: str
    role: Role | None
    issued_before: AwareDatetime | None
    reason: str | None


def routes(nc: Client) -> APIRouter:
    """For operators."""
    router = APIRouter(prefix="/v1/identities", tags=["identities"])

    @router.post("/{sub:path}/revoke")
    async def revoke(sub: SubjectId, caller: Caller, body: Wish | None = None) -> Revocation:
        """Void this person's tokens: sockets end, and every service refuses them. Admins only.

        Kept once this is answered. Safe to repeat: what was revoked before stays so.
        """
        if caller.role is not Role.admin:
            raise forbidden("Only for admins")
        wish = body or Wish()
        event = IdentityRevoked(subject_id=sub, **wish.model_dump())
        try:
            await publish(nc.jetstream(), event)
        except (nats.errors.Error, TimeoutError) as error:
            raise ProblemError("unavailable", "Not revoked: the bus is away; try again", 503) from error
        log.info("identity.revoke", subject=sub, by=caller.subject, role=event.role)
        return Revocation(subject=sub, **wish.model_dump())

    return router
