"""Patches as kubectl sends them: JSON patch, JSON merge patch, strategic merge patch."""

from copy import deepcopy
from typing import Any

Json = Any

MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "topologySpreadConstraints": "topologyKey",
}
"""Lists of our manifests that merge by a key (`patchMergeKey` in Kubernetes' API reference); others are
replaced. Of `ports` the key differs by kind, see `_key_of`."""


def json_patch(document: Json, operations: list[Json]) -> Json:
    """RFC 6902, of which kubectl needs `replace` of members of objects. NotImplementedError for more."""
    changed = deepcopy(document)
    for one in operations:
        if one["op"] != "replace":
            raise NotImplementedError(f"JSON patch: {one['op']}")
        *path, last = (part.replace("~1", "/").replace("~0", "~") for part in one["path"].split("/")[1:])
        place = changed
        for part in path:
            place = place[part]
        place[last] = one["value"]
    return changed


def merge_patch(document: Json, patch: Json) -> Json:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def strategic_merge_patch(document: Json, patch: Json) -> Json:
    """The same, but lists of named things are merged by name. Their order (`$setElementOrder`) is left."""
    merged = dict(document) if isinstance(document, dict) and patch.get("$patch") != "replace" else {}
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        name = _key_of(key, value)
        if value is None:
            merged.pop(key, None)
        elif name:
            merged[key] = _merge_by(name, merged.get(key, []), value)
        elif isinstance(value, dict):
            merged[key] = strategic_merge_patch(merged.get(key), value)
        else:
            merged[key] = value
    return merged


def _key_of(field: str, value: Json) -> str | None:
    """By what a list's elements are told apart; None: it is replaced as a whole."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        return None
    if field == "ports":
        return "containerPort" if any("containerPort" in one for one in value) else "port"
    return MERGE_KEYS.get(field)


def _merge_by(name: str, elements: list[Json], patches: list[Json]) -> list[Json]:
    found = {one[name]: one for one in elements}
    for patch in patches:
        if patch.get("$patch") == "delete":
            found.pop(patch[name], None)
        else:
            found[patch[name]] = strategic_merge_patch(found.get(patch[name]), patch)
    return list(found.values())
