"""What every service's HTTP side has: refusals as RFC 9457, limits, health, metrics, identity."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any

import structlog
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from contracts.models import Identity
from wire.http_guard import Guard
from wire.problem import ProblemError
from wire.settings import ServiceSettings
from wire.verifier import Verifier

log = structlog.get_logger()

Check = Callable[[], Awaitable[None]]
"""Raises when the thing it looks at cannot do its work."""
CHECK_SECONDS = 2.0
"""Longest that a readiness check may take; a pool that is used up would hold it for much longer."""

_TEXT = {"type": "string"}
_FAULT = {
    "type": "object",
    "required": ["field", "message"],
    "properties": {"field": _TEXT, "message": _TEXT},
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        **dict.fromkeys(("type", "title", "code", "detail"), _TEXT),
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "errors": {"type": "array", "items": _FAULT},
    },
}
REFUSAL: dict[str, Any] = {
    "description": "Refused or failed: `code` says why and stays as it is, `detail` is for people (RFC 9457)",
    "content": {"application/problem+json": {"schema": _PROBLEM}},
}
"""How the API documents declare every answer that is not a success."""

_bearer = HTTPBearer(auto_error=False, description="A JWT; its `role` is user, pilot or admin")


def problem_response(code: str, message: str, status: int, **more: Any) -> JSONResponse:
    """RFC 9457, with a stable `code` beside the standard members."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": message}
    return JSONResponse(body | {"code": code} | more, status, media_type="application/problem+json")


def create_app(
    service: str,
    version: str,
    settings: ServiceSettings,
    checks: Mapping[str, Check],
    verifier: Verifier | None = None,
) -> FastAPI:
    """An app with health, metrics and the error answers; routes are the service's own.

    `verifier` lets callers in, and is waited for; without one, by the settings alone, and nobody is revoked.
    """
    verifier = verifier or Verifier(settings)
    app = FastAPI(
        title=f"Waggle {service}",
        version=version,
        docs_url=f"/docs/{service}",
        openapi_url=f"/docs/{service}/openapi.json",
        redoc_url=None,
        responses={"4XX": REFUSAL, "5XX": REFUSAL},
    )
    app.state.verifier = verifier
    app.add_middleware(Guard, service=service, max_body=settings.max_body_bytes)
    app.add_exception_handler(ProblemError, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_error)
    add_health(app, {**checks, **verifier.checks()})
    return app


def add_health(app: FastAPI, checks: Mapping[str, Check]) -> None:
    """`/livez` asks nobody; `/readyz` asks what the service needs; `/metrics` for Prometheus."""

    @app.get("/livez", include_in_schema=False)
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> Response:
        told = await asyncio.gather(*map(_fault_of, checks.values()))
        failing = {name: fault for name, fault in zip(checks, told, strict=True) if fault}
        if failing:
            return problem_response("not_ready", "Waiting for what it needs", 503, failing=failing)
        return JSONResponse({"status": "ready"})

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _fault_of(check: Check) -> str | None:
    """What is wrong, in a line; None if all is well."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None


async def identify(request: Request, credentials: Annotated[Any, Depends(_bearer)]) -> Identity:
    """The caller of a route, from its token; 401 if that is not good, 503 if that is not known."""
    token = credentials.credentials if credentials else None
    verifier: Verifier = request.app.state.verifier
    return (await verifier.verify(token)).identity


Caller = Annotated[Identity, Depends(identify)]


async def _on_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101  # what it is registered for
    problem = error.problem
    response = problem_response(problem.code, problem.message, problem.status)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


async def _on_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    errors = [{"field": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()]
    if any(e["type"] == "json_invalid" for e in error.errors()):
        return problem_response("malformed_json", "The body is not JSON", 400, errors=errors)
    return problem_response("invalid", "The request does not fit its schema", 422, errors=errors)


async def _on_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    code = HTTPStatus(error.status_code).name.lower()
    response = problem_response(code, str(error.detail), error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _on_error(request: Request, error: Exception) -> Response:
    log.error("http.failed", path=request.url.path, exc_info=error)
    return problem_response("internal", "Something went wrong on our side", 500)
