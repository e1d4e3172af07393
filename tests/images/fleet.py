"""The whole house from its images, on private networks, behind Caddy."""

import asyncio
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from docker.client import DockerClient
from docker.models.containers import Container

from apns_standin import Standin, standin
from contracts.access import BOOTSTRAP
from stack.ports import HOST, Reservation
from stack.ready import http_ok
from stack.tokens import AUDIENCE, ISSUER, Role, mint
from wire.keys import new_seeds, server_environment

from .containers import Containers, Subnet, end, subnet

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("booking", "matching", "realtime", "push")
WITH_DATABASE = ("booking", "matching", "push")
NATS, POSTGRES = "nats:2.12-alpine", "postgres:18-alpine"
TOPICS = ("app.waggle.customer", "app.waggle.driver")
NUMBERS = {"nats": 10, "postgres": 11, "booking": 20, "matching": 30, "realtime": 40, "push": 50}
"""Addresses in the networks; a service's second container has the next one."""
PATIENCE_S = 60
DRAIN_SECONDS = "20"


@dataclass
class Fleet:
    """The house. As `stack.house.House` it has a url and tokens, and so serves the same phones."""

    containers: Containers
    bus: Subnet
    data: Subnet
    apns: Standin
    edge_port: int
    seeds: dict[str, str] = field(default_factory=new_seeds)
    jwt_key: str = field(default_factory=lambda: secrets.token_hex(32))
    running: dict[str, Container] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Of the one origin."""
        return f"http://{HOST}:{self.edge_port}"

    def token(self, sub: str, role: Role) -> str:
        """As its issuer would give it."""
        return mint(sub, role, key=self.jwt_key)

    def service_url(self, name: str) -> str:
        """Of a service's container itself, which unlike `url` also has /readyz and /metrics."""
        return f"http://{self.bus.address(NUMBERS[name])}:8000"

    def env(self, service: str) -> dict[str, str]:
        """The settings that its Deployment gives it."""
        env = {
            **self.bus_env(service),
            "WAGGLE_JWT_ALGORITHM": "HS256",
            "WAGGLE_JWT_KEY": self.jwt_key,
            "WAGGLE_JWT_ISSUER": ISSUER,
            "WAGGLE_JWT_AUDIENCE": AUDIENCE,
            "WAGGLE_DRAIN_SECONDS": DRAIN_SECONDS,
        }
        if service in WITH_DATABASE:
            env |= self.database_env(service)
        if service == "push":
            env |= {
                "WAGGLE_APNS_HOST": self.bus.gateway,
                "WAGGLE_APNS_PORT": str(self.apns.port),
                "WAGGLE_APNS_CA_FILE": "/run/apns/ca.pem",
                "WAGGLE_APNS_KEY_FILE": "/run/apns/key.p8",
                "WAGGLE_APNS_KEY_ID": self.apns.key_id,
                "WAGGLE_APNS_TEAM_ID": self.apns.team_id,
            }
        return env

    def bus_env(self, user: str) -> dict[str, str]:
        """The settings by which a user gets onto the bus."""
        return {"WAGGLE_NATS_URL": "nats://nats:4222", "WAGGLE_NATS_NKEY_SEED": self.seeds[user]}

    def database_env(self, service: str) -> dict[str, str]:
        """The settings by which a service gets at its database."""
        return {"WAGGLE_DATABASE_URL": f"postgresql+asyncpg://{service}:{service}@postgres/{service}"}

    def networks(self, service: str, slot: int) -> list[tuple[Subnet, int]]:
        """The bus for all, the databases for those that have one."""
        number = NUMBERS[service] + slot
        return [(self.bus, number), *([(self.data, number)] if service in WITH_DATABASE else [])]

    def start(self, service: str, image: str, slot: int = 0) -> Container:
        """A container of this service, beside the one in the other slot if there is one."""
        keys = {self.apns.ca_file: "/run/apns/ca.pem", self.apns.key_file: "/run/apns/key.p8"}
        container = self.containers.start(
            image,
            self.networks(service, slot),
            name=service,
            env=self.env(service),
            files=keys if service == "push" else None,
            restart_policy={"Name": "always"},
        )
        self.running[f"{service}-{slot}"] = container
        return container

    async def ready(self, service: str, slot: int = 0) -> None:
        """Wait until it answers that it is ready."""
        await http_ok(f"http://{self.bus.address(NUMBERS[service] + slot)}:8000/readyz")

    async def replace(self, services: Mapping[str, str], slot: int) -> dict[str, int]:
        """Roll out images of services: each is ready before its forerunner in the other slot is ended.

        Answers the forerunners' exit statuses.
        """
        for service, image in services.items():
            await asyncio.to_thread(self.start, service, image, slot)
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(self.ready(service, slot) for service in services))
        old = [self.running.pop(f"{service}-{1 - slot}") for service in services]
        statuses = await asyncio.gather(*(asyncio.to_thread(end, container) for container in old))
        return dict(zip(services, statuses, strict=True))


@asynccontextmanager
async def fleet(engine: DockerClient, images: Mapping[str, str], state: Path) -> AsyncIterator[Fleet]:
    """All of it, ready; removed at the end. The services are started first: they wait for what they need."""
    containers, reservation = Containers(engine), Reservation()
    with subnet(engine) as bus, subnet(engine) as data:
        async with standin(state, topics=TOPICS, host=bus.gateway) as apns:
            _let_read(state, apns)
            house = Fleet(containers, bus, data, apns, reservation.port())
            try:
                for service in SERVICES:
                    await asyncio.to_thread(house.start, service, images[service])
                await asyncio.to_thread(_parts, house, images)
                async with asyncio.timeout(PATIENCE_S):
                    await asyncio.gather(*(house.ready(service) for service in SERVICES))
                with _gateway(house, reservation):
                    await http_ok(f"{house.url}/")
                    yield house
            finally:
                await asyncio.to_thread(containers.close)


def _let_read(state: Path, apns: Standin) -> None:
    """Nobody's user in the container reads them, as mounted secrets."""
    state.chmod(0o755)
    for file in (apns.ca_file, apns.key_file):
        file.chmod(0o644)


def _parts(house: Fleet, images: Mapping[str, str]) -> None:
    """The bus and the databases, with what the manifests' Jobs put into them."""
    house.containers.start(
        NATS,
        [(house.bus, NUMBERS["nats"])],
        name="nats",
        command=["-c", "/etc/nats/nats.conf"],
        env={
            "WAGGLE_NATS_LISTEN": '"0.0.0.0:4222"',
            "WAGGLE_NATS_MONITOR_LISTEN": '"0.0.0.0:8222"',
            "WAGGLE_NATS_STORE": '"/data"',
            **server_environment(house.seeds),
        },
        files={
            ROOT / "deploy/local/nats.conf": "/etc/nats/declared.conf",
            ROOT / "deploy/k8s/base/nats/permissions.conf": "/etc/nats/permissions.conf",
            Path(__file__).with_name("nats.conf"): "/etc/nats/nats.conf",
        },
        tmpfs={"/data": ""},
    )
    postgres = house.containers.start(
        POSTGRES,
        [(house.data, NUMBERS["postgres"])],
        name="postgres",
        env={"POSTGRES_PASSWORD": secrets.token_hex(16)},
        files={ROOT / "deploy/k8s/overlays/dev/databases.sql": "/docker-entrypoint-initdb.d/databases.sql"},
        hardened=False,
    )
    house.running["postgres"] = postgres
    _until_databases(postgres)
    for service in WITH_DATABASE:
        house.containers.finishes(
            images[service],
            [(house.data, NUMBERS[service] + 5)],
            name=f"{service}-migrate",
            command=["python", "-m", f"{service}.migrate"],
            env=house.database_env(service),
        )
    house.containers.finishes(
        images["booking"],
        [(house.bus, NUMBERS["nats"] + 5)],
        name="streams",
        command=["waggle-streams"],
        env=house.bus_env(BOOTSTRAP),
    )


def _until_databases(postgres: Container) -> None:
    """Its entrypoint runs a server for the scripts first, which listens to no address."""
    until = time.monotonic() + PATIENCE_S
    while postgres.exec_run(["pg_isready", "-h", "127.0.0.1", "-U", "postgres"]).exit_code:
        if time.monotonic() > until:
            raise TimeoutError(postgres.logs().decode())
        time.sleep(0.1)


@contextmanager
def _gateway(house: Fleet, reservation: Reservation) -> Iterator[None]:
    """Caddy with the routes of one machine, which are the cluster's (tests/k8s), to both slots."""
    addresses = {
        service: " ".join(f"{house.bus.address(NUMBERS[service] + slot)}:8000" for slot in (0, 1))
        for service in SERVICES
    }
    env = {
        **os.environ,
        **{f"WAGGLE_{service.upper()}_ADDRESS": addresses[service] for service in SERVICES},
        "WAGGLE_REALTIME_ADDRESSES": addresses["realtime"],
        "WAGGLE_EDGE_HOST": HOST,
        "WAGGLE_EDGE_PORT": str(house.edge_port),
        "WAGGLE_EDGE_SITE": str(ROOT / "deploy/local"),
    }
    caddy = Path(sys.executable).parent / "caddyserver"
    config = ROOT / "deploy/local/Caddyfile"
    command = [str(caddy), "run", "--adapter", "caddyfile", "--config", str(config)]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)
        reservation.release()
