"""Containers run as deploy/k8s runs them: nobody's user, no capabilities, nothing written, bounded.

Addresses are fixed in advance, so that a gateway knows where a container's successor will be.
"""

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any
from uuid import uuid4

from docker.client import DockerClient
from docker.errors import APIError
from docker.models.containers import Container
from docker.models.networks import Network
from docker.types.networks import EndpointConfig, IPAMConfig, IPAMPool

HARDENED: Mapping[str, Any] = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "pids_limit": 200,
    "mem_limit": "512m",
}
"""What the manifests' securityContext and limits say."""
MOST_SUBNETS = 200


@dataclass(frozen=True)
class Subnet:
    """A private network: from inside nothing is reached but its members and this machine's own address."""

    network: Network
    block: IPv4Network

    @property
    def gateway(self) -> str:
        """This machine, as the containers see it."""
        return str(self.block[1])

    def address(self, number: int) -> str:
        """The address numbered so, from 10 on."""
        return str(self.block[number])


@contextmanager
def subnet(engine: DockerClient) -> Iterator[Subnet]:
    """A network that leads nowhere, in a block of addresses that is free; removed at the end."""
    network, block = _create(engine)
    try:
        yield Subnet(network, block)
    finally:
        network.remove()


def _create(engine: DockerClient) -> tuple[Network, IPv4Network]:
    for number in range(MOST_SUBNETS):
        block = IPv4Network(f"10.231.{number}.0/24")
        ipam = IPAMConfig(pool_configs=[IPAMPool(subnet=str(block), gateway=str(block[1]))])
        try:
            return engine.networks.create(f"waggle-{uuid4().hex[:8]}", internal=True, ipam=ipam), block
        except APIError as error:
            if "overlap" not in str(error):
                raise
    raise RuntimeError("no free block of addresses for a network")


class Containers:
    """The containers of one test module; `close` removes them all."""

    def __init__(self, engine: DockerClient) -> None:
        self.engine = engine
        self.all: list[Container] = []

    def start(
        self,
        image: str,
        at: Sequence[tuple[Subnet, int]],
        *,
        name: str,
        command: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        files: Mapping[Path, str] | None = None,
        hardened: bool = True,
        **more: Any,
    ) -> Container:
        """A container on these networks, known on each by `name`. `files`: ours → its, read-only."""
        (first, number), *others = at
        container: Container = self.engine.containers.create(
            image,
            command,
            environment=dict(env or {}),
            volumes={str(ours): {"bind": its, "mode": "ro"} for ours, its in (files or {}).items()},
            network=first.network.name,
            networking_config={first.network.name: _endpoint(first, number, name)},
            detach=True,
            **(dict(HARDENED) if hardened else {}),
            **more,
        )
        self.all.append(container)
        for network, its_number in others:
            join(container, network, its_number, name)
        container.start()
        return container

    def finishes(self, image: str, at: Sequence[tuple[Subnet, int]], **how: Any) -> str:
        """Run to the end; what it printed. AssertionError unless it ends with status 0."""
        container = self.start(image, at, **how)
        status = container.wait(timeout=120)["StatusCode"]
        output: str = container.logs().decode()
        assert status == 0, output
        return output

    def close(self) -> None:
        for container in self.all:
            container.remove(force=True, v=True)


def _endpoint(network: Subnet, number: int, name: str) -> EndpointConfig:
    return EndpointConfig("1.44", ipv4_address=network.address(number), aliases=[name])


def join(container: Container, network: Subnet, number: int, name: str) -> None:
    """Put it on the network, at this address."""
    network.network.connect(container, ipv4_address=network.address(number), aliases=[name])


def kill(container: Container) -> None:
    """`kill -9` from outside, as the kernel does when memory is short. The restart policy starts it anew."""
    container.reload()
    os.kill(container.attrs["State"]["Pid"], signal.SIGKILL)


def end(container: Container, seconds: int = 60) -> int:
    """As Kubernetes ends a pod: SIGTERM, and after so many seconds SIGKILL; its exit status."""
    container.stop(timeout=seconds)
    status: int = container.wait()["StatusCode"]
    if status:
        print(f"{container.name} ended with {status}:\n{container.logs(tail=40).decode()}")
    return status
