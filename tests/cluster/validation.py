"""Whether an object is one that the API server would take: by the schemas of tests/k8s."""

import json

import kubernetes_validate.utils as kubernetes  # type: ignore[import-untyped]
from tests.k8s.schemas import CRDS, NEWEST, check, faults

from .kinds import Kind, Object
from .store import RefusedError

CLIENTS = ("name", "namespace", "labels", "annotations")
"""What of `metadata` is the client's; the rest is written here."""


def validate(kind: Kind, body: Object) -> None:
    """Strictly, as the oldest supported version has it. RefusedError (422): what does not fit."""
    metadata = {key: value for key, value in body["metadata"].items() if key in CLIENTS}
    sent = {key: value for key, value in body.items() if key != "status"} | {"metadata": metadata}
    if f"{kind.version} {kind.name}" in CRDS:
        wrong = faults(sent)
        if wrong:
            raise RefusedError(422, "Invalid", "; ".join(wrong))
        return
    try:
        check(json.dumps(sent), NEWEST[0])
    except kubernetes.ValidationError as error:
        raise RefusedError(422, "Invalid", error.message) from error
