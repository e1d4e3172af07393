"""Events from sockets: who may send them, what they carry, what is done. Each gets an ack."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import nats.errors
import structlog
from opentelemetry import trace
from pydantic import ValidationError

from contracts.models import Role
from realtime.commands import admin, auth, booking, driver
from realtime.commands.payload import BookingRef, Nothing, Payload
from realtime.edge import Edge, Session
from realtime.engine import Ack
from realtime.metrics import EVENTS_IN
from wire.problem import ProblemError, forbidden

log = structlog.get_logger()
tracer = trace.get_tracer("realtime")


@dataclass(frozen=True)
class Command:
    """`do` gets an instance of `payload`; what it returns is merged into the ack."""

    roles: frozenset[Role]
    payload: type[Payload]
    do: Callable[[Edge, Session, Any], Awaitable[dict[str, Any]]]
    traced: bool = True


USER, PILOT, ADMIN = (frozenset({role}) for role in (Role.user, Role.pilot, Role.admin))

COMMANDS: Mapping[str, Command] = {
    "auth:refresh": Command(USER | PILOT | ADMIN, auth.Renewal, auth.refresh),
    "pilot:online": Command(PILOT, driver.Online, driver.online),
    "pilot:offline": Command(PILOT, Nothing, driver.offline),
    "pilot:location": Command(PILOT, driver.Location, driver.location, traced=False),
    "offer:accept": Command(PILOT, BookingRef, driver.accept),
    "offer:decline": Command(PILOT, BookingRef, driver.decline),
    "booking:update_status": Command(PILOT, driver.Step, driver.advance),
    "booking:subscribe": Command(USER | PILOT | ADMIN, BookingRef, booking.subscribe),
    "booking:unsubscribe": Command(USER | PILOT | ADMIN, BookingRef, booking.unsubscribe),
    "booking:cancel": Command(USER | ADMIN, booking.Cancellation, booking.cancel),
    "booking:retry": Command(USER, BookingRef, booking.retry),
    "admin:subscribe": Command(ADMIN, Nothing, admin.subscribe),
    "admin:unsubscribe": Command(ADMIN, Nothing, admin.unsubscribe),
    "admin:subscribe_assignments": Command(ADMIN, Nothing, admin.subscribe_assignments),
    "admin:unsubscribe_assignments": Command(ADMIN, Nothing, admin.unsubscribe_assignments),
}


async def event(edge: Edge, socket: str, name: str, arguments: tuple[Any, ...]) -> Ack:
    """`{ok: true, …}`, or `{ok: false, error: {code, message}}`.

    Codes: `unknown_event`, `forbidden` (wrong role), `invalid` (payload), `ERR_RATE`, `ERR_1003`, and those
    of the services that were asked.
    """
    with _span(name):
        outcome, answer = await _outcome(edge, socket, name, arguments)
        log.debug("socket.event_answered", socket_event=name[:50], outcome=outcome)
    EVENTS_IN.labels(name if name in COMMANDS else "unknown", outcome).inc()
    return answer


def _span(name: str) -> AbstractContextManager[object]:
    command = COMMANDS.get(name)
    if command is None or not command.traced:
        return nullcontext()
    return tracer.start_as_current_span(f"socket {name}", kind=trace.SpanKind.SERVER)


async def _outcome(edge: Edge, socket: str, name: str, arguments: tuple[Any, ...]) -> tuple[str, Ack]:
    """What to call it in the metrics, and the ack."""
    try:
        answer = await _answer(edge, edge.sessions[socket], name, arguments)
        outcome = "dropped" if "dropped" in answer else "ok"
    except ProblemError as refusal:
        outcome, answer = refusal.problem.code, refused(refusal.problem.code, refusal.problem.message)
    except ValidationError as error:
        outcome, answer = "invalid", refused("invalid", _first(error))
    except nats.errors.Error as error:
        log.warning("socket.event_unsent", socket_event=name, error=repr(error))
        outcome, answer = "unavailable", refused("unavailable", "Try again in a moment")
    except Exception:
        log.exception("socket.event_failed", socket_event=name)
        outcome, answer = "internal", refused("internal", "Something went wrong on our side")
    return outcome, answer


def end_flood(edge: Edge, session: Session) -> None:
    """Disconnect a session that goes on sending too fast; one that has only begun to may stay."""
    if session.events.refused >= edge.settings.events_refused:
        log.warning("socket.flood", role=session.identity.role, subject=session.identity.subject)
        edge.engine.disconnect(session.socket)


async def _answer(edge: Edge, session: Session, name: str, arguments: tuple[Any, ...]) -> Ack:
    if not session.events.take():
        end_flood(edge, session)
        raise ProblemError("ERR_RATE", "Too many events; slow down", 429)
    command = COMMANDS.get(name)
    if command is None:
        raise ProblemError("unknown_event", "No such event", 404)
    if session.identity.role not in command.roles:
        raise forbidden(f"Not for the role {session.identity.role}")
    if len(arguments) > 1:
        raise ProblemError("invalid", "One object is expected", 422)
    said = command.payload.model_validate({} if arguments in ((), (None,)) else arguments[0])
    return {"ok": True, **await command.do(edge, session, said)}


def refused(code: str, message: str) -> Ack:
    """The ack that says why not."""
    return {"ok": False, "error": {"code": code, "message": message}}


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return ": ".join([*map(str, found["loc"]), found["msg"]])
