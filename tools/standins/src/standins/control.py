"""The control plane: script answers, read what arrived. Plain HTTP, for loopback alone."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, cast

from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from standins.records import Pushes
from standins.script import Scripts

NO_CONTENT = 204
UNPROCESSABLE = 422


class Query(BaseModel):
    """`?since=N` only pushes numbered above N; `token` only this device's; `wait_s` wait for the first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: int = Field(default=0, ge=0)
    token: str | None = None
    wait_s: float = Field(default=0, ge=0, le=60)


@dataclass(frozen=True)
class ControlPlane:
    """The requests under `/control`, one method each."""

    given: TypeAdapter[Any]
    scripts: Scripts[Any]
    pushes: Pushes[Any]

    async def put_script(self, request: Request) -> Response:
        """Body: one script, or a list to be used up in order."""
        given = self.given.validate_json(await request.body())
        self.scripts.put(request.path_params["token"], *(given if isinstance(given, list) else [given]))
        return Response(status_code=NO_CONTENT)

    async def drop_script(self, request: Request) -> Response:
        self.scripts.drop(request.path_params["token"])
        return Response(status_code=NO_CONTENT)

    async def list_scripts(self, _request: Request) -> Response:
        """Answers `{token: [script, …]}` of what is still to come."""
        listing = self.scripts.listing()
        return JSONResponse({token: [s.model_dump() for s in steps] for token, steps in listing.items()})

    async def clear_scripts(self, _request: Request) -> Response:
        self.scripts.clear()
        return Response(status_code=NO_CONTENT)

    async def list_pushes(self, request: Request) -> Response:
        """Answers `{"pushes": [Push, …], "last": N}`; ask on with `?since=N`."""
        query = Query.model_validate(dict(request.query_params))
        found = await self.pushes.wait_after(query.since, query.token, wait_s=query.wait_s)
        return JSONResponse({"pushes": [asdict(push) for push in found], "last": self.pushes.last_seq})

    async def clear_pushes(self, _request: Request) -> Response:
        self.pushes.clear()
        return Response(status_code=NO_CONTENT)


@asynccontextmanager
async def control_plane(
    given: TypeAdapter[Any], scripts: Scripts[Any], pushes: Pushes[Any], port: int
) -> AsyncIterator[int]:
    """Serve on `127.0.0.1:port` (0 picks one) and yield the port. OSError if it is taken.

    `given` reads one script of the service or a list of them; the records are dataclasses.
    """
    listener = socket.create_server(("127.0.0.1", port))
    bound_port = listener.getsockname()[1]
    config = Config()
    config.errorlog = None
    # Hypercorn does not tell which port it picked, so it gets a socket, and closes that.
    config.bind = [f"fd://{listener.detach()}"]
    app = cast("ASGIFramework", control_app(ControlPlane(given, scripts, pushes)))
    ended = asyncio.Event()
    # No TaskGroup: test fixtures leave this block in another task than they entered it in.
    serving = asyncio.create_task(serve(app, config, shutdown_trigger=ended.wait))
    try:
        yield bound_port
    finally:
        pushes.close()
        ended.set()
        await serving


def control_app(plane: ControlPlane) -> Starlette:
    """The routes under `/control`, and `/livez`. Bad input is answered 422 with problem+json."""
    routes = [
        Route("/livez", livez),
        Route("/control/tokens", plane.list_scripts, methods=["GET"]),
        Route("/control/tokens", plane.clear_scripts, methods=["DELETE"]),
        Route("/control/tokens/{token}", plane.put_script, methods=["PUT"]),
        Route("/control/tokens/{token}", plane.drop_script, methods=["DELETE"]),
        Route("/control/pushes", plane.list_pushes, methods=["GET"]),
        Route("/control/pushes", plane.clear_pushes, methods=["DELETE"]),
    ]
    return Starlette(routes=routes, exception_handlers={ValidationError: invalid})


async def livez(_request: Request) -> Response:
    return PlainTextResponse("ok")


async def invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)  # noqa: S101  what it is registered for
    problem = {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": UNPROCESSABLE,
        "code": "invalid_input",
        "errors": json.loads(error.json(include_url=False, include_context=False, include_input=False)),
    }
    return JSONResponse(problem, UNPROCESSABLE, media_type="application/problem+json")
