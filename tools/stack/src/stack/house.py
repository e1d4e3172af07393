"""A running stack in the hands of whoever started it: addresses, tokens, and the power to kill."""

import asyncio
import signal
from pathlib import Path
from typing import Any

from contracts.nats_conf import OPERATOR
from stack import postgres
from stack.control import Supervisor
from stack.errors import StackError
from stack.plan import WITH_DATABASE, Plan
from stack.ports import HOST
from stack.ready import http_ok, listens, until
from stack.steps import tail
from stack.tokens import Role, mint

PATIENCE = 60.0  # seconds a process is given to become ready
TOO_OFTEN = 5  # ends of a process before it was ready, after which waiting is pointless


class House:
    """Processes go by name: booking, matching, realtime, realtime-2, …, push, caddy, apns, fcm, nats,
    postgres.

    `nats_operator`: arguments of `nats.connect` with which everything may be done on the bus.
    """

    def __init__(self, plan: Plan, supervisor: Supervisor) -> None:
        self.plan = plan
        self.supervisor = supervisor
        self.state: Path = plan.state.root
        self.jwt_key: str = plan.secret
        self.url: str = f"http://{HOST}:{plan.ports.edge}"
        self.console_url: str | None = None
        """Where the web console is, once it is built."""
        self.nats_url: str = plan.ports.nats_url
        self.nats_operator: dict[str, str] = plan.bus.operator
        self.nats_monitor_url: str = f"http://{HOST}:{plan.ports.nats_monitor}"
        self.apns_control_url: str = f"http://{HOST}:{plan.ports.apns_control}"
        self.fcm_control_url: str = f"http://{HOST}:{plan.ports.fcm_control}"

    def database_url(self, name: str) -> str:
        """SQLAlchemy URL of a service's database, as the role that owns it; of any other, as superuser."""
        return self.plan.database_url(name)

    async def fresh_database(self, template: str = "template1") -> str:
        """Create a database of random name, empty or a copy of `template` (then unused); its URL."""
        return self.database_url(await postgres.create_fresh(self.plan.cluster, template))

    def service_url(self, name: str) -> str:
        """A service process's own origin, which unlike `url` also has /readyz and /metrics."""
        return f"http://{HOST}:{self.plan.ports.services[name]}"

    def env_for(self, name: str) -> dict[str, str]:
        """The WAGGLE_ settings of a service process; for one outside this stack, with HTTP port 0."""
        return self.plan.service_env(name)

    def token(self, sub: str, role: Role, *, name: str | None = None, ttl: float = 3600.0) -> str:
        """A JWT that the services of this stack accept for `ttl` seconds."""
        return mint(sub, role, key=self.jwt_key, ttl=ttl, name=name)

    def pid(self, name: str) -> int:
        return self.supervisor.pids[name]

    async def kill(self, name: str, how: int = signal.SIGKILL) -> None:
        """Send a deadly signal; wait until the process has been replaced and the new one is ready."""
        await self.supervisor.kill(name, how)
        await self.ready(name)

    async def stop(self, name: str) -> None:
        """End a process properly; it stays down until `start`."""
        await self.supervisor.stop(name)

    async def start(self, name: str) -> None:
        """Start a process and wait until it is ready."""
        await self.supervisor.start(name)
        await self.ready(name)

    async def ready(self, name: str, seconds: float = PATIENCE) -> None:
        """Wait until process `name` answers. StackError after `seconds`, or if it ends again and again."""
        log = self.plan.state.log / f"{name}.log"
        waits = [
            asyncio.create_task(self._answer(name)),
            asyncio.create_task(self.supervisor.keeps_ending(name, TOO_OFTEN)),
        ]
        try:
            done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not done:
            raise StackError(f"{name} is not ready after {seconds:.0f} s; {tail(log)}")
        if waits[0] not in done:
            raise StackError(f"{name} keeps ending; {tail(log)}")
        await waits[0]

    def refused_on_bus(self) -> list[str]:
        """What nats-server did not permit so far, a line each: on a stack that is whole, nothing."""
        lines = (self.plan.state.log / "nats.log").read_text(errors="replace").splitlines()
        return [line for line in lines if " Violation - " in line]

    async def _answer(self, name: str) -> None:
        match name:
            case "postgres":
                await until(lambda: postgres.answers(self.plan.cluster))
            case "nats":
                await http_ok(f"{self.nats_monitor_url}/healthz")
            case "caddy":
                await http_ok(f"{self.url}/")
            case "apns":
                await listens(self.plan.ports.apns)
                await listens(self.plan.ports.apns_control)
            case "fcm":
                await listens(self.plan.ports.fcm)
                await listens(self.plan.ports.fcm_control)
            case _:
                await http_ok(f"{self.service_url(name)}/readyz")

    def description(self) -> dict[str, Any]:
        """What stack.json holds; the pid of a stopped service is null."""
        wish = self.plan.wish
        return {
            "url": self.url if wish.caddy else None,
            "console": self.console_url,
            "docs": {service: f"{self.url}/docs/{service}" for service in wish.services}
            if wish.caddy
            else {},
            "nats_url": self.nats_url,
            "nats_operator_seed": self.plan.bus.seeds.get(OPERATOR),
            "nats_monitor_url": self.nats_monitor_url,
            "apns_control_url": self.apns_control_url if wish.apns else None,
            "fcm_control_url": self.fcm_control_url if wish.fcm else None,
            "databases": {s: self.database_url(s) for s in wish.services if s in WITH_DATABASE},
            "services": {
                name: {
                    "host": HOST,
                    "port": self.plan.ports.services[name],
                    "pid": self.supervisor.pids.get(name),
                }
                for name, _service in wish.all_instances()
            },
            "pids": dict(self.supervisor.pids),
            "jwt_key": self.jwt_key,
            "state": str(self.state),
            "log": str(self.plan.state.log),
        }
