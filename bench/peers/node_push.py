"""The sender on node-apn (`node/apns_sender.js`), its queue, and what all senders send to."""

import json
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from uuid import uuid4

import asyncpg
from sqlalchemy.engine import make_url

from bench.peers.node_process import FOLDER, NodeProcess, node
from stack.errors import StackError
from stack.node import install
from stack.plan import APNS_KEY_ID, APNS_TEAM_ID
from standins.certificates import Certificates

TABLES = """
CREATE TABLE peer_device (token text PRIMARY KEY, user_id text NOT NULL);
CREATE TABLE peer_notification (
    id uuid PRIMARY KEY, user_id text NOT NULL, title text NOT NULL, body text NOT NULL, data json NOT NULL,
    collapse_id text NOT NULL, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE peer_delivery (
    id uuid PRIMARY KEY, notification_id uuid NOT NULL REFERENCES peer_notification, token text NOT NULL,
    state text NOT NULL, attempts int NOT NULL, expires_at timestamptz NOT NULL,
    next_attempt_at timestamptz NOT NULL, sent_at timestamptz
);
CREATE INDEX peer_delivery_due ON peer_delivery (next_attempt_at) WHERE state = 'pending';
"""


def available() -> bool:
    """Whether its packages are there, or could be fetched."""
    try:
        install(FOLDER)
    except StackError:
        return False
    return True


def version() -> str:
    """`node-apn 8.1.0`."""
    package = json.loads((FOLDER / "node_modules" / "@parse" / "node-apn" / "package.json").read_text())
    return f"node-apn {package['version']}"


@dataclass(frozen=True)
class Target:
    """Where pushes go, and the files by which sender and receiver trust each other."""

    port: int
    certificates: Certificates
    key_file: Path


def sink(target: Target, core: int) -> AbstractAsyncContextManager[NodeProcess]:
    """Takes all pushes that come to the target's port."""
    return node("apns_sink.js", target.port, target.certificates.server_file, core=core)


def sender(target: Target, core: int) -> AbstractAsyncContextManager[NodeProcess]:
    """Sends to the target's port."""
    signed = (target.key_file, APNS_KEY_ID, APNS_TEAM_ID)
    return node("apns_sender.js", target.port, target.certificates.ca_file, *signed, core=core)


async def fill(database_url: str, many: int) -> None:
    """Its queue, with so many due deliveries to as many devices."""
    now, connection = datetime.now(UTC), await asyncpg.connect(plain(database_url))
    devices, notifications, deliveries = [], [], []
    for number in range(many):
        token, notification, until = token_hex(32), uuid4(), now + timedelta(minutes=10)
        data = json.dumps({"job_id": str(uuid4()), "type": "new_job", "address": "12 Main Street"})
        words = ("New Job Nearby", f"12 Main Street - ${number % 100}")
        devices.append((token, f"driver-{number}"))
        notifications.append((notification, f"driver-{number}", *words, data, str(uuid4()), now))
        deliveries.append((uuid4(), notification, token, "pending", 0, until, now, None))
    try:
        await connection.execute(TABLES)
        await connection.copy_records_to_table("peer_device", records=devices)
        await connection.copy_records_to_table("peer_notification", records=notifications)
        await connection.copy_records_to_table("peer_delivery", records=deliveries)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def settled(database_url: str) -> int:
    """How many of its deliveries are sent."""
    connection = await asyncpg.connect(plain(database_url))
    try:
        return int(await connection.fetchval("SELECT count(*) FROM peer_delivery WHERE state = 'sent'"))
    finally:
        await connection.close()


def place(database_url: str) -> tuple[str, str | None, str | None]:
    """Host (the folder of its socket), database and user, as `pg` wants them."""
    url = make_url(database_url)
    return str(url.query["host"]), url.database, url.username


def plain(database_url: str) -> str:
    return database_url.replace("postgresql+asyncpg:", "postgresql:")
