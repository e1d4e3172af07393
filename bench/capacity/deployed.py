"""What deploy/k8s says of each service: how many pods, by what, and how large."""

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import yaml

K8S = Path(__file__).resolve().parents[2] / "deploy" / "k8s"
UNITS = {"m": 1e-3, "Mi": 1.0, "Gi": 1024.0}


@dataclass(frozen=True)
class Deployed:
    """CPU in cores, memory in MiB. `cores`, `sockets`: what a pod has when there is another; infinite where
    nothing looks at them. `connections`: of a pod to the database."""

    least: int
    most: int
    request_cores: float
    request_memory: float
    limit_memory: float
    connections: int
    cores: float
    sockets: float


def deployed(service: str) -> Deployed:
    scaler = _yaml(f"components/autoscaling/{service}.yaml")["spec"]
    (container,) = _yaml(f"base/{service}/deployment.yaml")["spec"]["template"]["spec"]["containers"]
    env = {one["name"]: one.get("value") for one in container["env"]}
    requests, limits = container["resources"]["requests"], container["resources"]["limits"]
    targets = dict(map(_target, scaler.get("metrics") or scaler["triggers"]))
    return Deployed(
        least=scaler.get("minReplicas") or scaler["minReplicaCount"],
        most=scaler.get("maxReplicas") or scaler["maxReplicaCount"],
        request_cores=quantity(requests["cpu"]),
        request_memory=quantity(requests["memory"]),
        limit_memory=quantity(limits["memory"]),
        connections=int(env.get("WAGGLE_DATABASE_POOL") or 0),
        cores=targets.get("cpu", inf),
        sockets=targets.get("waggle_transports", inf),
    )


def _target(metric: dict[str, Any]) -> tuple[str, float]:
    """What an autoscaler looks at, and how much of it a pod may have."""
    match metric["type"]:
        case "Resource":
            return metric["resource"]["name"], quantity(metric["resource"]["target"]["averageValue"])
        case "Pods":
            return metric["pods"]["metric"]["name"], quantity(metric["pods"]["target"]["averageValue"])
        case "cpu":
            return "cpu", quantity(metric["metadata"]["value"])
        case _:
            return metric["metadata"]["consumer"], quantity(metric["metadata"]["lagThreshold"])


def quantity(text: str) -> float:
    """Of Kubernetes; memory in MiB."""
    for unit, factor in UNITS.items():
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    return float(text)


def _yaml(path: str) -> Any:
    return yaml.safe_load((K8S / path).read_text())
