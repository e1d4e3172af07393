"""What the controllers and the kubelet do with Deployments and Jobs.

A Job's pod runs: its command, with the environment that its manifest and the Secrets give it. The pods of a
Deployment are there at once, whatever stands behind them (`Processes`). A pod that is to go takes as long as
it may, which is until somebody waits for it: who does not wait is overtaken by what it still does.
"""

import asyncio
import hashlib
import json
from base64 import b64decode
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol

from .kinds import KINDS, Kind, Object
from .store import RefusedError, Selectors, Store

BY_NAME = {kind.name: kind for kind in KINDS}
REVISION = "deployment.kubernetes.io/revision"


class Processes(Protocol):
    """What stands behind the manifests; each is given the pods' template."""

    async def run(self, pod: Object, env: Mapping[str, str]) -> tuple[int, str]:
        """A Job's pod, to its end: exit status and what it printed."""

    async def scale(self, name: str, replicas: int) -> None:
        """A Deployment has so many pods from now on; returns when that is so."""


class Workloads:
    """Sees to it that what is written happens. `close` ends what is under way."""

    def __init__(self, store: Store, processes: Processes) -> None:
        self.store, self.processes = store, processes
        self.logs: dict[tuple[str, str], str] = {}
        self.awaited = asyncio.Event()
        """Somebody has watched pods since a Deployment was changed last."""
        self._tasks: list[asyncio.Task[None]] = []

    async def written(self, kind: Kind, one: Object) -> None:
        """An object of this kind was created or changed."""
        if kind.name == "Deployment":
            await self._roll_out(one)
        elif kind.name == "Job" and "status" not in one:
            self._begin(self._run(one))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    async def close(self) -> None:
        """Raises what went wrong in a pod: to kubectl it only never comes to its end."""
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def _roll_out(self, deployment: Object) -> None:
        """A replica set for the template if it is new, pods as many as wanted, and a status that says so."""
        metadata, spec = deployment["metadata"], deployment["spec"]
        if deployment.get("status", {}).get("observedGeneration") == metadata["generation"]:
            return
        replicas = spec.get("replicas", 1)
        digest = hashlib.sha256(json.dumps(spec["template"], sort_keys=True).encode()).hexdigest()[:10]
        await self._remember(deployment, digest)
        wanted = {f"{metadata['name']}-{digest}-{number}" for number in range(replicas)}
        there = {one["metadata"]["name"] for one in self._pods_of(deployment)}
        for name in sorted(wanted - there):
            pod = _pod(name, deployment, spec["template"], "Running")
            await self.store.create(BY_NAME["Pod"], metadata["namespace"], pod)
        await self._say(deployment, replicas)
        self.awaited.clear()
        self._begin(self._settle(deployment, replicas, there - wanted))

    def _pods_of(self, owner: Object) -> list[Object]:
        uid = owner["metadata"]["uid"]
        every = self.store.list(BY_NAME["Pod"], owner["metadata"]["namespace"], Selectors({}, {}))
        return [one for one in every if one["metadata"]["ownerReferences"][0]["uid"] == uid]

    async def _settle(self, deployment: Object, replicas: int, leaving: set[str]) -> None:
        if leaving:
            await self.awaited.wait()
        await self.processes.scale(deployment["metadata"]["name"], replicas)
        for name in sorted(leaving):
            await self.store.delete(BY_NAME["Pod"], deployment["metadata"]["namespace"], name)

    async def _say(self, deployment: Object, replicas: int) -> None:
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            **dict.fromkeys(counts, replicas),
            "conditions": [
                {"type": "Available", "status": "True"},
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
            ],
        }
        await self.store.replace(BY_NAME["Deployment"], deployment | {"status": status})

    async def _remember(self, deployment: Object, digest: str) -> None:
        """The replica set of this template, with the newest revision: what `rollout undo` goes by."""
        kind, metadata = BY_NAME["ReplicaSet"], deployment["metadata"]
        sets = self.store.list(kind, metadata["namespace"], Selectors({}, {}))
        ours = [one for one in sets if one["metadata"]["ownerReferences"][0]["uid"] == metadata["uid"]]
        newest = max((int(one["metadata"]["annotations"][REVISION]) for one in ours), default=0)
        name = f"{metadata['name']}-{digest}"
        known = [one for one in ours if one["metadata"]["name"] == name]
        if known and known[0]["metadata"]["annotations"][REVISION] == str(newest):
            return
        noted = {REVISION: str(newest + 1)}
        if known:
            await self.store.replace(
                kind, {**known[0], "metadata": known[0]["metadata"] | {"annotations": noted}}
            )
            return
        spec = {key: deployment["spec"][key] for key in ("selector", "template")} | {"replicas": 0}
        labels = spec["template"]["metadata"]["labels"]
        head = {
            "name": name,
            "labels": labels,
            "annotations": noted,
            "ownerReferences": [_owned_by(deployment)],
        }
        one = {"apiVersion": kind.version, "kind": kind.name, "metadata": head, "spec": spec}
        await self.store.create(kind, metadata["namespace"], one)

    async def _run(self, job: Object) -> None:
        metadata, template = job["metadata"], job["spec"]["template"]
        name, namespace, kind = f"{metadata['name']}-pod", metadata["namespace"], BY_NAME["Pod"]
        pod = await self.store.create(kind, namespace, _pod(name, job, template, "Pending"))
        (container,) = template["spec"]["containers"]
        env = await self._environment(container, namespace)
        status, output = await self.processes.run(template, env)
        self.logs[namespace, name] = output
        await self.store.replace(kind, pod | {"status": {"phase": "Failed" if status else "Succeeded"}})
        ended = {"type": "Failed" if status else "Complete", "status": "True"}
        await self.store.replace(BY_NAME["Job"], job | {"status": {"conditions": [ended]}})

    async def _environment(self, container: Object, namespace: str) -> dict[str, str]:
        """As soon as all that it refers to is there."""
        while True:
            seen = len(self.store.changes)
            try:
                values = {one["name"]: self._value(one, namespace) for one in container.get("env", [])}
            except RefusedError:
                await anext(self.store.since(seen))
                continue
            return {name: value for name, value in values.items() if value is not None}

    def _value(self, variable: Object, namespace: str) -> str | None:
        reference = variable.get("valueFrom", {}).get("secretKeyRef")
        if reference is None:
            return str(variable["value"])
        try:
            data = self.store.get(BY_NAME["Secret"], namespace, reference["name"]).get("data", {})
            return b64decode(data[reference["key"]]).decode()
        except (KeyError, RefusedError):
            if reference.get("optional"):
                return None
            raise RefusedError(400, "BadRequest", f"no secret {reference}") from None


def with_defaults(kind: Kind, body: Object, uid: str) -> Object:
    """As the API server completes a Job: a selector of its own, by which its pods are found."""
    if kind.name != "Job":
        return body
    spec, labels = body["spec"], {"batch.kubernetes.io/controller-uid": uid}
    template = spec["template"]
    head = template.get("metadata", {})
    template = template | {"metadata": head | {"labels": head.get("labels", {}) | labels}}
    return body | {"spec": spec | {"selector": {"matchLabels": labels}, "template": template}}


def _pod(name: str, owner: Object, template: Object, phase: str) -> Object:
    labels = template["metadata"]["labels"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels, "ownerReferences": [_owned_by(owner)]},
        "spec": template["spec"],
        "status": {"phase": phase},
    }


def _owned_by(owner: Object) -> Object:
    one = {key: owner[key] for key in ("apiVersion", "kind")}
    return one | {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"], "controller": True}
