"""What an object must be: Kubernetes' own schemas, and ours of the kinds that CRDs bring."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate.utils as kubernetes  # type: ignore[import-untyped]
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from packaging.version import Version

Object = dict[str, Any]

CRDS: dict[str, Object] = yaml.safe_load((Path(__file__).parent / "crds.yaml").read_text())
"""`apiVersion kind` → schema of `spec`, of the kinds that are not part of Kubernetes."""
NEWEST = sorted(set(kubernetes.all_versions()), key=Version)[-3:]


def kind(one: Object) -> str:
    """As a key of `CRDS`."""
    return f"{one['apiVersion']} {one['kind']}"


def faults(one: Object) -> list[str]:
    """What does not fit, of an object of a kind of `CRDS`."""
    assert one.keys() == {"apiVersion", "kind", "metadata", "spec"}
    return [error.message for error in Draft202012Validator(CRDS[kind(one)]).iter_errors(one["spec"])]


@cache
def check(text: str, version: str) -> None:
    """An object in JSON against Kubernetes `version`, strictly: kubernetes_validate's errors.

    Checked once for what is in several kustomizations.
    """
    kubernetes.validate(json.loads(text), version, strict=True)
