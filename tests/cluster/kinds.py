"""The kinds that the stand-in serves, and how it tells kubectl of them (discovery, OpenAPI)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.k8s.schemas import CRDS

Object = dict[str, Any]

BUILT_IN = {
    "v1": "Namespace Pod Service ServiceAccount Secret ConfigMap Event",
    "apps/v1": "Deployment ReplicaSet StatefulSet",
    "batch/v1": "Job",
    "policy/v1": "PodDisruptionBudget",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "networking.k8s.io/v1": "NetworkPolicy Ingress",
}
VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


@dataclass(frozen=True)
class Kind:
    """One kind of object; `version` is its apiVersion."""

    version: str
    name: str

    @property
    def plural(self) -> str:
        """As it stands in a URL."""
        lower = self.name.lower()
        if lower.endswith("y") and lower != "gateway":
            return lower[:-1] + "ies"
        return lower + ("es" if lower.endswith("ss") else "s")

    @property
    def namespaced(self) -> bool:
        """Everything that is served here is, but the namespace itself."""
        return self.name != "Namespace"

    @property
    def root(self) -> str:
        """The beginning of its URLs."""
        return f"/api/{self.version}" if "/" not in self.version else f"/apis/{self.version}"


KINDS = [Kind(version, name) for version, names in BUILT_IN.items() for name in names.split()]
KINDS += [Kind(*one.split()) for one in CRDS]


def versions() -> list[str]:
    """Every apiVersion, the core's first."""
    return list(dict.fromkeys(kind.version for kind in KINDS))


def groups() -> Object:
    """GET /apis."""
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [
            {
                "name": version.partition("/")[0],
                "versions": [_named(version)],
                "preferredVersion": _named(version),
            }
            for version in versions()
            if "/" in version
        ],
    }


def _named(version: str) -> Object:
    return {"groupVersion": version, "version": version.partition("/")[2]}


def resources(version: str) -> Object:
    """GET /api/v1, /apis/<group>/<version>."""
    served: list[Object] = []
    for kind in KINDS:
        if kind.version == version:
            served.append(_resource(kind))
            if kind.name == "Deployment":
                served.append(
                    {
                        **_resource(kind),
                        "name": f"{kind.plural}/scale",
                        "group": "autoscaling",
                        "version": "v1",
                        "kind": "Scale",
                        "verbs": ["get", "patch", "update"],
                    }
                )
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": served}


def _resource(kind: Kind) -> Object:
    return {
        "name": kind.plural,
        "singularName": kind.name.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.name,
        "verbs": VERBS,
    }


def open_api() -> Object:
    """GET /openapi/v3: where the document of each apiVersion is."""
    paths = {kind.root.removeprefix("/"): {"serverRelativeURL": f"/openapi/v3{kind.root}"} for kind in KINDS}
    return {"paths": paths}


def open_api_of(kinds: Iterable[Kind]) -> Object:
    """Only what makes kubectl leave validation to the server: PATCH takes `fieldValidation`."""
    paths = {
        f"{kind.root}/{kind.plural}/{{name}}": {
            "patch": {
                "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
                "responses": {},
                "x-kubernetes-group-version-kind": _group_version_kind(kind),
            }
        }
        for kind in kinds
    }
    return {"openapi": "3.0.0", "info": {"title": "stand-in", "version": "1"}, "paths": paths}


def _group_version_kind(kind: Kind) -> Object:
    group, _, version = kind.version.rpartition("/")
    return {"group": group, "version": version, "kind": kind.name}
