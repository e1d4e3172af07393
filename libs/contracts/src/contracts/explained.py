"""How a job was dispatched, as it is explained afterwards: who was asked, who was told, and how that went."""

from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.models import Model


class CandidateView(Model):
    """A driver as one decision saw it. `gate` says why it was not asked; None: it could be asked.

    `distance_m` metres in a straight line; `eta_s` estimated seconds to the pickup; `score` seconds after the
    ranking's weights, least first.
    """

    driver_id: str
    gate: str | None = None
    distance_m: float | None = None
    eta_s: float | None = None
    score: float | None = None


class DecisionView(Model):
    """One look for drivers: on which rung of the ladder, under which policy, and who was seen."""

    at: AwareDatetime
    rung: int
    policy: str
    candidates: list[CandidateView]


class DeviceView(Model):
    """How one notification fared on its way to one device.

    `platform`: ios or android. `token_end`: the last four characters of its token, never more. `state`:
    pending, or how it ended (sent, failed, expired, dropped, withdrawn, superseded); `reason`: why.
    """

    platform: str
    token_end: str
    state: str
    reason: str | None = None
    attempts: int
    sent_at: AwareDatetime | None = None


class NotificationView(Model):
    """What one person was told of a job. `gate` is `no_device` if there was no phone to tell it to.

    `offer_id`: the offer that it told of, if it did.
    """

    id: UUID
    user_id: str
    kind: str
    offer_id: UUID | None = None
    created_at: AwareDatetime
    gate: str | None = None
    devices: list[DeviceView] = Field(default=[])


class JobPushes(Model):
    """Newest first. `left_out`: how many notifications there are besides."""

    job_id: UUID
    notifications: list[NotificationView]
    left_out: int = 0


class OfferView(Model):
    """One offer as it went. `pushes`: how its driver was told; None as in `DispatchView`."""

    id: UUID
    number: int
    rung: int
    driver_id: str
    state: str
    exclusive: bool
    created_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    answered_at: AwareDatetime | None = None
    pushes: list[NotificationView] | None = None


class AttemptView(Model):
    """One search as it went. `others`: drivers that no decision looked at, and why."""

    search_id: UUID
    attempt: int
    state: str
    mode: str
    failure: str | None = None
    driver_id: str | None = None
    started_at: AwareDatetime
    deadline: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    offers: list[OfferView]
    decisions: list[DecisionView]
    others: list[CandidateView]


class DispatchView(Model):
    """Every search of a job, oldest first (A12, E4).

    `pushes`: what was told besides the offers, which have theirs. None, here and there, where push was not
    asked or did not answer; then `pushes_refused` is the problem's code, for the most part `unavailable`.
    """

    job_id: UUID
    attempts: list[AttemptView]
    pushes: JobPushes | None = None
    pushes_refused: str | None = None
