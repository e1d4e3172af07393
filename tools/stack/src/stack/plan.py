"""What a stack consists of: the commands of its processes, their addresses, their environment."""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stack.bus import Bus
from stack.errors import StackError
from stack.ports import HOST, Reservation
from stack.postgres import Cluster
from stack.program import Program, Tier
from stack.state import State
from stack.tokens import AUDIENCE, ISSUER

SERVICES = ("booking", "matching", "realtime", "push")
WITH_DATABASE = ("booking", "matching", "push")
ROOT = Path(__file__).resolve().parents[4]
DEPLOY = ROOT / "deploy" / "local"
CONSOLE = ROOT / "clients" / "console"

APNS_KEY_ID = "WAGGLEKEY1"
APNS_TEAM_ID = "WAGGLETEAM"
CUSTOMER_TOPIC = "app.waggle.customer"
DRIVER_TOPIC = "app.waggle.driver"
FCM_PROJECT = "waggle-local"

Command = Sequence[str]


def python_module(module: str) -> Command:
    return [sys.executable, "-m", module]


def beside_python(name: str) -> str:
    """Path of a server that a wheel has put next to our interpreter."""
    return str(Path(sys.executable).parent / name)


@dataclass(frozen=True)
class Commands:
    """How each thing is run. Tests of the stack itself put stand-ins here."""

    service: Callable[[str], Command] = python_module
    migrate: Callable[[str], Command] = lambda service: python_module(f"{service}.migrate")
    streams: Command = field(default_factory=lambda: python_module("wire.bootstrap"))
    apns: Command = field(default_factory=lambda: python_module("apns_standin"))
    fcm: Command = field(default_factory=lambda: python_module("fcm_standin"))
    build: Command = field(default_factory=lambda: [*python_module("stack.node"), str(CONSOLE)])
    site: Path = CONSOLE / "dist"
    """Where `build` puts the web console."""


@dataclass(frozen=True)
class Wish:
    """What the caller asked for; the fields are the arguments of `running`."""

    services: Sequence[str]
    caddy: bool
    site: bool
    apns: bool
    fcm: bool
    replicas: Mapping[str, int]
    env: Mapping[str, str]
    commands: Commands
    port: int
    durable: bool
    traces: bool
    guarded: bool
    readable_logs: bool
    grace: float

    def instances(self, service: str) -> list[str]:
        """Process names: realtime, realtime-2, …"""
        count = self.replicas.get(service, 1)
        return [service if number == 1 else f"{service}-{number}" for number in range(1, count + 1)]

    def all_instances(self) -> list[tuple[str, str]]:
        """(process name, service) of every service process."""
        return [(name, service) for service in self.services for name in self.instances(service)]


@dataclass(frozen=True)
class Addresses:
    """Ports on 127.0.0.1; `services` by process name."""

    edge: int
    nats: int
    nats_monitor: int
    apns: int
    apns_control: int
    fcm: int
    fcm_control: int
    services: Mapping[str, int]

    @classmethod
    def reserve(cls, wish: Wish, reservation: Reservation) -> "Addresses":
        try:
            edge = reservation.port(wish.port)
        except OSError as error:
            raise StackError(f"port {wish.port}: {error.strerror}") from error
        nats, monitor, apns, apns_control, fcm, fcm_control = (reservation.port() for _ in range(6))
        services = {name: reservation.port() for name, _service in wish.all_instances()}
        return cls(edge, nats, monitor, apns, apns_control, fcm, fcm_control, services)

    @property
    def nats_url(self) -> str:
        return f"nats://{HOST}:{self.nats}"


@dataclass(frozen=True)
class Plan:
    """Everything decided, nothing started."""

    wish: Wish
    state: State
    ports: Addresses
    cluster: Cluster
    secret: str
    bus: Bus

    def database_url(self, name: str) -> str:
        """SQLAlchemy URL; a service's own database as its own role, any other as the superuser."""
        role = name if name in WITH_DATABASE else "postgres"
        return self.cluster.url(name, role, "+asyncpg")

    def bus_env(self, user: str) -> dict[str, str]:
        """The WAGGLE_ settings by which `user` gets onto the bus."""
        return {"WAGGLE_NATS_URL": self.ports.nats_url, **self.bus.env_of(user)}

    def service_env(self, name: str) -> dict[str, str]:
        """The WAGGLE_ settings of service process `name`, without the inherited environment."""
        service = name.split("-", maxsplit=1)[0]
        env = {
            **self.bus_env(service),
            "WAGGLE_HTTP_HOST": HOST,
            "WAGGLE_HTTP_PORT": str(self.ports.services.get(name, 0)),
            "WAGGLE_JWT_ALGORITHM": "HS256",
            "WAGGLE_JWT_KEY": self.secret,
            "WAGGLE_JWT_ISSUER": ISSUER,
            "WAGGLE_JWT_AUDIENCE": AUDIENCE,
            # A service takes up to twice this to end; the supervisor kills it after `grace`.
            "WAGGLE_DRAIN_SECONDS": f"{self.wish.grace / 2.5:.1f}",
            "WAGGLE_LOG_FORMAT": "console" if self.wish.readable_logs else "json",
        }
        if self.wish.traces:
            env["WAGGLE_TRACE_FILE"] = str(self.state.traces / f"{name}.jsonl")
        if service in WITH_DATABASE:
            env["WAGGLE_DATABASE_URL"] = self.database_url(service)
        if service == "push":
            env |= self._apns_env() | (self._fcm_env() if self.wish.fcm else {})
        if service == "realtime" and self.wish.caddy:
            env["WAGGLE_TRUSTED_PROXIES"] = '["127.0.0.0/8"]'
        return env | dict(self.wish.env)

    def _apns_env(self) -> dict[str, str]:
        return {
            "WAGGLE_APNS_HOST": HOST,
            "WAGGLE_APNS_SANDBOX_HOST": HOST,
            "WAGGLE_APNS_PORT": str(self.ports.apns),
            "WAGGLE_APNS_CA_FILE": str(self.state.apns / "ca.pem"),
            "WAGGLE_APNS_KEY_FILE": str(self.state.apns / "key.p8"),
            "WAGGLE_APNS_KEY_ID": APNS_KEY_ID,
            "WAGGLE_APNS_TEAM_ID": APNS_TEAM_ID,
            "WAGGLE_APNS_CUSTOMER_TOPIC": CUSTOMER_TOPIC,
            "WAGGLE_APNS_DRIVER_TOPIC": DRIVER_TOPIC,
        }

    def _fcm_env(self) -> dict[str, str]:
        return {
            "WAGGLE_FCM_PROJECT_ID": FCM_PROJECT,
            "WAGGLE_FCM_SERVICE_ACCOUNT_FILE": str(self.state.fcm / "service-account.json"),
            "WAGGLE_FCM_URL": f"https://{HOST}:{self.ports.fcm}",
            "WAGGLE_FCM_CA_FILE": str(self.state.fcm / "ca.pem"),
        }

    def programs(self) -> list[Program]:
        """Every process of the stack, in the order in which a person wants to see them."""
        found = [self._service(name, service) for name, service in self.wish.all_instances()]
        found += [self._caddy()] if self.wish.caddy else []
        found += [self._apns()] if self.wish.apns else []
        found += [self._fcm()] if self.wish.fcm else []
        return [*found, self._nats(), self._postgres()]

    def _service(self, name: str, service: str) -> Program:
        env = {**inherited(), **self.service_env(name)}
        return Program(name, self.wish.commands.service(service), Tier.SERVICE, env, grace=self.wish.grace)

    def _caddy(self) -> Program:
        # A service that is not part of this stack keeps its route, which then answers 502.
        addresses = {
            f"WAGGLE_{service.upper()}_ADDRESS": f"{HOST}:{self.ports.services.get(service, 1)}"
            for service in SERVICES
            if service != "realtime"
        }
        edges = [self.ports.services.get(name, 1) for name in self.wish.instances("realtime")]
        env = {
            **inherited(),
            **addresses,
            "WAGGLE_REALTIME_ADDRESSES": " ".join(f"{HOST}:{port}" for port in edges),
            "WAGGLE_EDGE_HOST": HOST,
            "WAGGLE_EDGE_PORT": str(self.ports.edge),
            "WAGGLE_EDGE_SITE": str(DEPLOY),
            "WAGGLE_CONSOLE_SITE": str(self.wish.commands.site),
            "XDG_DATA_HOME": str(self.state.root / "caddy"),
        }
        command = [
            beside_python("caddyserver"),
            "run",
            "--adapter",
            "caddyfile",
            "--config",
            str(DEPLOY / "Caddyfile"),
        ]
        return Program("caddy", command, Tier.EDGE, env)

    def _apns(self) -> Program:
        options = {
            "--port": str(self.ports.apns),
            "--control-port": str(self.ports.apns_control),
            "--state": str(self.state.apns),
            "--topics": f"{CUSTOMER_TOPIC},{DRIVER_TOPIC}",
            "--key-id": APNS_KEY_ID,
            "--team-id": APNS_TEAM_ID,
        }
        return _push_service("apns", self.wish.commands.apns, options)

    def _fcm(self) -> Program:
        options = {
            "--port": str(self.ports.fcm),
            "--control-port": str(self.ports.fcm_control),
            "--state": str(self.state.fcm),
            "--project": FCM_PROJECT,
        }
        return _push_service("fcm", self.wish.commands.fcm, options)

    def _nats(self) -> Program:
        env = {
            **inherited(),
            "WAGGLE_NATS_LISTEN": f'"{HOST}:{self.ports.nats}"',
            "WAGGLE_NATS_MONITOR_LISTEN": f'"{HOST}:{self.ports.nats_monitor}"',
            "WAGGLE_NATS_STORE": f'"{self.state.nats}"',
            **self.bus.server_env,
        }
        return Program("nats", [beside_python("nats-server"), "-c", str(self.bus.config)], Tier.PART, env)

    def _postgres(self) -> Program:
        return Program(
            "postgres",
            self.cluster.command(durable=self.wish.durable),
            Tier.PART,
            inherited(),
            user=self.cluster.user,
            stop_signal=signal.SIGINT,  # "fast": ends sessions; SIGTERM would wait for them
        )


def _push_service(name: str, command: Command, options: Mapping[str, str]) -> Program:
    given = [part for option in options.items() for part in option]
    return Program(name, [*command, *given], Tier.EDGE, inherited(), grace=3.0)


def inherited() -> dict[str, str]:
    """Our environment without WAGGLE_ settings: a stack does what it was told, not what a shell exports."""
    return {name: value for name, value in os.environ.items() if not name.startswith("WAGGLE_")}
