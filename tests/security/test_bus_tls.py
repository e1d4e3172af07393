"""The way to the bus by TLS: to the server that the services' authority vouches for, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats.errors
import pytest
import trustme
from nats.aio.client import Client

from contracts.nats_conf import authorization
from stack.plan import beside_python
from stack.ports import HOST, Reservation
from stack.ready import listens, until
from wire.access import Access
from wire.bootstrap import bootstrap
from wire.connection import connect
from wire.keys import new_seeds, server_environment

SEEDS = new_seeds()
TLS = """
tls {{
  cert_file: "{folder}/cert.pem"
  key_file: "{folder}/key.pem"
  handshake_first: true
}}
"""


def pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


@asynccontextmanager
async def server(folder: Path, tls: str) -> AsyncIterator[int]:
    """nats-server as an installation has it; its port."""
    ports = Reservation()
    port = ports.port()
    config = folder / "nats.conf"
    config.write_text(
        f'listen: "{HOST}:{port}"\njetstream {{ store_dir: "{folder}/store" }}\n{tls}{authorization()}'
    )
    process = await asyncio.create_subprocess_exec(
        beside_python("nats-server"),
        "-c",
        str(config),
        env=server_environment(SEEDS),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await listens(port)
        yield port
    finally:
        process.terminate()
        await process.wait()
        ports.release()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
async def port(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[int]:
    folder = tmp_path_factory.mktemp("tls")
    certificate = authority.issue_cert(HOST)
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    async with server(folder, TLS.format(folder=folder)) as port:
        yield port


async def refusal(url: str, access: Access) -> str:
    """Why a service that keeps trying does not get in: the first error it meets, in a word."""
    client = Client()
    trying = asyncio.create_task(stay(client, url, access))
    try:
        await until(lambda: met(client))
        assert not client.is_connected
        return repr(client.last_error)
    finally:
        trying.cancel()
        await asyncio.wait({trying})


async def met(client: Client) -> bool:
    return client.last_error is not None


async def stay(client: Client, url: str, access: Access) -> None:
    async with connect(client, url, name="push", access=access, drain_seconds=1):
        await asyncio.Event().wait()


async def test_streams_are_made_and_a_service_gets_in_by_its_authority(
    port: int, authority: trustme.CA
) -> None:
    url = f"tls://{HOST}:{port}"
    await bootstrap(url, Access(SEEDS["bootstrap"], pem(authority)))
    access = Access(SEEDS["push"], pem(authority))
    async with connect(Client(), url, name="push", access=access) as nc:
        info = await nc.jetstream().consumer_info("DISPATCH", "push")
        assert info.name == "push"


async def test_a_server_that_another_authority_vouches_for_is_refused(port: int) -> None:
    access = Access(SEEDS["push"], pem(trustme.CA()))
    assert "CERTIFICATE_VERIFY_FAILED" in await refusal(f"tls://{HOST}:{port}", access)


async def test_without_an_authority_of_our_own_the_systems_are_trusted_and_none_other(port: int) -> None:
    assert "CERTIFICATE_VERIFY_FAILED" in await refusal(f"tls://{HOST}:{port}", Access(SEEDS["push"]))


async def test_who_offers_no_tls_is_told_nothing(authority: trustme.CA, tmp_path: Path) -> None:
    """Nor who leaves it out of what the server says: neither key nor signature goes over in the clear."""
    said = asyncio.get_running_loop().create_future()

    async def door(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.15.1","max_payload":1048576,"nonce":"abc"}\r\n')
        heard = await reader.read(65536)
        if not said.done():
            said.set_result(heard)
        writer.close()

    listening = await asyncio.start_server(door, HOST, 0)
    async with listening:
        there = listening.sockets[0].getsockname()[1]
        await refusal(f"tls://{HOST}:{there}", Access(SEEDS["push"], pem(authority)))
        heard = await said
    assert heard[:1] == b"\x16", "a TLS handshake record"
    assert b"CONNECT" not in heard
    async with server(tmp_path, tls="") as plain:
        assert "SSL" in await refusal(f"tls://{HOST}:{plain}", Access(SEEDS["push"], pem(authority)))


async def test_who_speaks_in_the_clear_is_not_let_in(port: int) -> None:
    with pytest.raises((nats.errors.Error, TimeoutError, OSError)):
        await nats.connect(
            f"nats://{HOST}:{port}",
            nkeys_seed_str=SEEDS["push"],
            allow_reconnect=False,
            connect_timeout=3,
        )
