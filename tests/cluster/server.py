"""A stand-in for the Kubernetes API server, on which kubectl runs the documents' commands as they stand.

What it does: discovery; create, get, list, watch, patch, delete. Each object must have a namespace that is
there, and fit the strict schema of the oldest version that tests/k8s checks. A Job cannot be changed, and
runs; a Deployment has replica sets and pods, and can be scaled. What it does not: admission, accounts and
permissions, quotas, scheduling, images, networks, probes, Services, autoscalers, finalizers, server-side
apply, dry runs. That the manifests do their work on a cluster, it cannot show; that the commands are right,
and what they change, it can.
"""

import asyncio
import json
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from tests.k8s.schemas import NEWEST

from .kinds import KINDS, Kind, Object, groups, open_api, open_api_of, resources, versions
from .patches import json_patch, merge_patch, strategic_merge_patch
from .protobuf import MEDIA_TYPE, read
from .store import Change, RefusedError, Selectors, Store
from .validation import validate
from .workloads import Processes, Workloads, with_defaults

PATCHES: dict[str, Callable[[Object, Object], Object]] = {
    "application/json-patch+json": json_patch,  # type: ignore[dict-item]  # whose patch is a list
    "application/merge-patch+json": merge_patch,
    "application/strategic-merge-patch+json": strategic_merge_patch,
}
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Cluster:
    """A running stand-in."""

    store: Store
    workloads: Workloads
    config: Path
    """For KUBECONFIG."""


class Api:
    """The routes of one kind."""

    def __init__(self, kind: Kind, store: Store, workloads: Workloads) -> None:
        self.kind, self.store, self.workloads = kind, store, workloads

    def routes(self) -> list[Route]:
        inside = "/namespaces/{namespace}" if self.kind.namespaced else ""
        many, one = f"{self.kind.root}{inside}/{self.kind.plural}", "/{name}"
        everywhere = f"{self.kind.root}/{self.kind.plural}"
        return [
            Route(everywhere, self.list, methods=["GET"]),
            Route(many, self.list, methods=["GET"]),
            Route(many, self.create, methods=["POST"]),
            Route(many + one, self.get, methods=["GET"]),
            Route(many + one, self.patch, methods=["PATCH"]),
            Route(many + one, self.delete, methods=["DELETE"]),
            Route(many + one + "/scale", self.scale, methods=["GET", "PATCH"]),
            Route(many + one + "/log", self.log, methods=["GET"]),
        ]

    def _named(self, request: Request) -> Object:
        return self.store.get(
            self.kind, request.path_params.get("namespace", ""), request.path_params["name"]
        )

    async def get(self, request: Request) -> Response:
        return JSONResponse(self._named(request))

    async def list(self, request: Request) -> Response:
        namespace, chosen = request.path_params.get("namespace", ""), Selectors.read(request.query_params)
        if request.query_params.get("watch") in {"1", "true"}:
            if self.kind.name == "Pod":
                self.workloads.awaited.set()
            return StreamingResponse(self._watch(request, namespace, chosen), media_type="application/json")
        items = self.store.list(self.kind, namespace, chosen)
        version = {"resourceVersion": str(len(self.store.changes))}
        return JSONResponse(
            {
                "kind": f"{self.kind.name}List",
                "apiVersion": self.kind.version,
                "metadata": version,
                "items": items,
            }
        )

    async def _watch(self, request: Request, namespace: str, chosen: Selectors) -> AsyncIterator[bytes]:
        def concerns(change: Change) -> bool:
            its = change.object["metadata"].get("namespace", "")
            return change.kind == self.kind and namespace in ("", its) and chosen.take(change.object)

        async for change in self.store.since(int(request.query_params.get("resourceVersion") or 0)):
            if concerns(change):
                yield json.dumps({"type": change.type, "object": change.object}).encode() + b"\n"

    async def create(self, request: Request) -> Response:
        namespace = request.path_params.get("namespace", "")
        protobuf = request.headers["content-type"] == MEDIA_TYPE
        body = read(await request.body()) if protobuf else await request.json()
        validate(self.kind, body)
        body = with_defaults(self.kind, body, str(uuid.uuid4()))
        made = await self.store.create(self.kind, namespace, body)
        await self.workloads.written(self.kind, made)
        return JSONResponse(made, 201)

    async def patch(self, request: Request) -> Response:
        before = self._named(request)
        patch = PATCHES[request.headers["content-type"]]
        after = patch(before, await request.json())
        validate(self.kind, after)
        if self.kind.name == "Job" and after["spec"]["template"] != before["spec"]["template"]:
            raise RefusedError(
                422, "Invalid", f"{before['metadata']['name']}: spec.template: field is immutable"
            )
        return JSONResponse(await self._replace(after))

    async def _replace(self, after: Object) -> Object:
        written = await self.store.replace(self.kind, after)
        await self.workloads.written(self.kind, written)
        return written

    async def delete(self, request: Request) -> Response:
        gone = self._named(request)
        await self.store.delete(self.kind, request.path_params.get("namespace", ""), gone["metadata"]["name"])
        return JSONResponse({"kind": "Status", "apiVersion": "v1", "status": "Success"})

    async def scale(self, request: Request) -> Response:
        one = self._named(request)
        if request.method == "PATCH":
            wanted = (await request.json())["spec"]["replicas"]
            one = await self._replace({**one, "spec": one["spec"] | {"replicas": wanted}})
        keys = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        return JSONResponse(
            {
                "kind": "Scale",
                "apiVersion": "autoscaling/v1",
                "metadata": {key: one["metadata"][key] for key in keys},
                "spec": {"replicas": one["spec"].get("replicas", 1)},
                "status": {"replicas": one.get("status", {}).get("replicas", 0)},
            }
        )

    async def log(self, request: Request) -> Response:
        pod = self._named(request)["metadata"]
        return PlainTextResponse(self.workloads.logs.get((pod["namespace"], pod["name"]), ""))


def answering(document: Object) -> Handler:
    """A route that always says this."""

    async def answer(_request: Request) -> Response:
        return JSONResponse(document)

    return answer


async def refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    said = {"status": "Failure", "message": error.message, "reason": error.reason, "code": error.code}
    return JSONResponse({"kind": "Status", "apiVersion": "v1", **said}, error.code)


def application(store: Store, workloads: Workloads) -> Starlette:
    """The stand-in as an ASGI application."""
    major, minor, _ = NEWEST[0].split(".")
    version = {"major": major, "minor": minor, "gitVersion": f"v{NEWEST[0]}"}
    routes = [
        Route("/version", answering(version)),
        Route("/api", answering({"kind": "APIVersions", "versions": ["v1"]})),
        Route("/apis", answering(groups())),
        Route("/openapi/v3", answering(open_api())),
    ]
    for one in versions():
        kinds = [kind for kind in KINDS if kind.version == one]
        routes.append(Route(kinds[0].root, answering(resources(one))))
        routes.append(Route(f"/openapi/v3{kinds[0].root}", answering(open_api_of(kinds))))
    for kind in KINDS:
        routes += Api(kind, store, workloads).routes()
    return Starlette(routes=routes, exception_handlers={RefusedError: refused})


@asynccontextmanager
async def cluster(folder: Path, processes: Processes) -> AsyncIterator[Cluster]:
    """On a free port of this machine; `folder` holds what kubectl needs to find it."""
    store = Store()
    workloads = Workloads(store, processes)
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:  # said, so that asyncio sets TCP_NODELAY
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = uvicorn.Config(
            application(store, workloads), log_level="warning", lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield Cluster(store, workloads, _kubeconfig(folder, listening.getsockname()[1]))
        finally:
            server.should_exit = True
            await serving
            await workloads.close()


def _kubeconfig(folder: Path, port: int) -> Path:
    file = folder / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "stand-in", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "contexts": [{"name": "stand-in", "context": {"cluster": "stand-in", "user": ""}}],
        "current-context": "stand-in",
    }
    file.write_text(yaml.safe_dump(content))
    return file
