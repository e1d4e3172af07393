"""The objects of the stand-in, and everything that happened to them, in order."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .kinds import Kind, Object

NAMESPACE = Kind("v1", "Namespace")
Key = tuple[Kind, str, str]
"""Kind, namespace, name."""


class RefusedError(Exception):
    """What the API server would answer instead: status code, reason, message."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message


@dataclass(frozen=True)
class Change:
    """ADDED, MODIFIED or DELETED."""

    type: str
    kind: Kind
    object: Object


@dataclass
class Store:
    """All objects; a resourceVersion is the number of changes so far."""

    objects: dict[Key, Object] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """RefusedError (404) if it is not there."""
        try:
            return self.objects[kind, namespace, name]
        except KeyError:
            raise RefusedError(404, "NotFound", f'{kind.plural} "{name}" not found') from None

    def list(self, kind: Kind, namespace: str, chosen: "Selectors") -> list[Object]:
        """Of this namespace, or of all for ""."""
        found = (one for key, one in self.objects.items() if key[0] == kind and namespace in ("", key[1]))
        return [one for one in found if chosen.take(one)]

    async def create(self, kind: Kind, namespace: str, body: Object) -> Object:
        """RefusedError: it is there already, or has no namespace to be in."""
        name = body["metadata"]["name"]
        if (kind, namespace, name) in self.objects:
            raise RefusedError(409, "AlreadyExists", f'{kind.plural} "{name}" already exists')
        if kind.namespaced and (NAMESPACE, "", namespace) not in self.objects:
            raise RefusedError(404, "NotFound", f'namespaces "{namespace}" not found')
        metadata = body["metadata"] | {
            "uid": str(uuid.uuid4()),
            "creationTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "generation": 1,
        }
        if kind.namespaced:
            metadata["namespace"] = namespace
        return await self._write("ADDED", kind, {**body, "metadata": metadata})

    async def replace(self, kind: Kind, body: Object) -> Object:
        """Another content for what is there; its generation counts the changes of its spec."""
        metadata = body["metadata"]
        before = self.get(kind, metadata.get("namespace", ""), metadata["name"])
        if {**body, "metadata": {**metadata, "generation": 0}} == {
            **before,
            "metadata": {**before["metadata"], "generation": 0},
        }:
            return before
        generation = before["metadata"]["generation"] + (body.get("spec") != before.get("spec"))
        return await self._write(
            "MODIFIED", kind, {**body, "metadata": {**metadata, "generation": generation}}
        )

    async def delete(self, kind: Kind, namespace: str, name: str) -> Object:
        """With what it owns, which here is pods and replica sets."""
        gone = self.get(kind, namespace, name)
        del self.objects[kind, namespace, name]
        await self._tell(Change("DELETED", kind, gone))
        for (other, its_namespace, its_name), one in list(self.objects.items()):
            owners = one["metadata"].get("ownerReferences", [])
            if any(owner["uid"] == gone["metadata"]["uid"] for owner in owners):
                await self.delete(other, its_namespace, its_name)
        return gone

    async def since(self, version: int) -> AsyncIterator[Change]:
        """Every change after this resourceVersion, as it happens."""
        while True:
            async with self._changed:
                while len(self.changes) <= version:
                    await self._changed.wait()
            yield self.changes[version]
            version += 1

    async def _write(self, type_: str, kind: Kind, body: Object) -> Object:
        metadata = body["metadata"]
        written = deepcopy(body)
        written["metadata"]["resourceVersion"] = str(len(self.changes) + 1)
        self.objects[kind, metadata.get("namespace", ""), metadata["name"]] = written
        await self._tell(Change(type_, kind, written))
        return written

    async def _tell(self, change: Change) -> None:
        async with self._changed:
            self.changes.append(change)
            self._changed.notify_all()


@dataclass(frozen=True)
class Selectors:
    """`labelSelector` and `fieldSelector` of a request, of which equality is understood."""

    labels: Mapping[str, str]
    fields: Mapping[str, str]

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Selectors":
        """RefusedError (400) for what is not understood."""
        return cls(_pairs(query.get("labelSelector", "")), _pairs(query.get("fieldSelector", "")))

    def take(self, one: Object) -> bool:
        """Whether this object is meant."""
        labels, metadata = one["metadata"].get("labels", {}), one["metadata"]
        values = {f"metadata.{name}": value for name, value in metadata.items()}
        return self.labels.items() <= labels.items() and self.fields.items() <= values.items()


def _pairs(text: str) -> dict[str, str]:
    pairs = [part.replace("==", "=").partition("=") for part in text.split(",") if part]
    if any(not equals or name.endswith("!") for name, equals, _ in pairs):
        raise RefusedError(400, "BadRequest", f"the stand-in understands equality only: {text}")
    return {name: value for name, _, value in pairs}
