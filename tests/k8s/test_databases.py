"""One role and one database a service, and connections enough for all pods that there may be."""

import re
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy.engine import make_url
from tests.documents.written import commands

from stack.parts import parts

from .conftest import K8S, Manifests, rendered
from .test_autoscaling import most_of

RESERVED = 3
"""superuser_reserved_connections, PostgreSQL's default."""
DEFAULT_MAX_CONNECTIONS = 100


def pools(manifests: Manifests) -> dict[str, int]:
    """Service with a database → connections of one pod."""
    found = {}
    for name, one in manifests.of("Deployment").items():
        (container,) = one["spec"]["template"]["spec"]["containers"]
        told = {each["name"]: each.get("value") for each in container.get("env", [])}
        if "WAGGLE_DATABASE_URL" in told:
            found[name] = int(told["WAGGLE_DATABASE_POOL"] or 0)
    return found


def connections(manifests: Manifests) -> int:
    """At the worst moment: as many pods as may be, in a roll-out of all services, with their migrations."""
    surge = {
        name: one["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
        for name, one in manifests.of("Deployment").items()
    }
    most = most_of(manifests)
    return sum((most[name] + surge[name]) * pool + 1 for name, pool in pools(manifests).items())


def test_pods_of_all_services_together_stay_below_the_connections_that_the_readme_asks_for(
    production: Manifests,
) -> None:
    (asked,) = re.findall(r"`max_connections` of (\d+)", (K8S / "README.md").read_text())
    assert pools(production).keys() == {"booking", "matching", "push"}
    assert connections(production) + RESERVED <= int(asked)
    assert f"{connections(production)} connections" in (K8S / "README.md").read_text()


def test_the_database_of_development_takes_all_pods_as_it_comes() -> None:
    assert connections(rendered("overlays/dev")) + RESERVED <= DEFAULT_MAX_CONNECTIONS


def test_each_service_is_told_of_a_secret_of_its_own(production: Manifests) -> None:
    for name in pools(production):
        (container,) = production.of("Deployment")[name]["spec"]["template"]["spec"]["containers"]
        (reference,) = [one["valueFrom"] for one in container["env"] if one["name"] == "WAGGLE_DATABASE_URL"]
        assert reference == {"secretKeyRef": {"name": f"{name}-database", "key": "url"}}


def of_development() -> str:
    """The script that overlays/dev gives to its PostgreSQL."""
    return (K8S / "overlays/dev/databases.sql").read_text()


def of_the_page() -> str:
    """What README.md has for booking, said for each as it says."""
    (script,) = commands("tests/k8s/test_databases.py")
    return "".join(script.replace("booking", name) for name in ("booking", "matching", "push"))


@pytest.fixture(scope="module", params=[of_development, of_the_page])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """URL of a PostgreSQL that was set up with the script of overlays/dev, or by the page."""
    async with parts() as house:
        url = make_url(house.database_url("postgres")).set(drivername="postgresql", username="postgres")
        connection = await asyncpg.connect(url.render_as_string(hide_password=False))
        for statement in filter(str.strip, request.param().split(";\n")):  # CREATE DATABASE goes alone
            await connection.execute(statement)
        await connection.close()
        yield url.render_as_string(hide_password=False)


@pytest.mark.parametrize("role", ["booking", "matching", "push"])
async def test_a_role_comes_into_its_own_database_and_into_no_other(server: str, role: str) -> None:
    for database in ("booking", "matching", "push"):
        url = make_url(server).set(username=role, database=database).render_as_string(hide_password=False)
        if database == role:
            connection = await asyncpg.connect(url)
            await connection.execute("CREATE TABLE mine (x int)")
            await connection.close()
        else:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asyncpg.connect(url)


async def test_no_role_is_more_than_the_owner_of_its_database(server: str) -> None:
    connection = await asyncpg.connect(server)
    roles = await connection.fetch(
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS powerful, "
        "(SELECT count(*) FROM pg_auth_members WHERE member = r.oid) AS memberships "
        "FROM pg_roles r WHERE rolname IN ('booking', 'matching', 'push')"
    )
    await connection.close()
    assert [(one["powerful"], one["memberships"]) for one in roles] == [(False, 0)] * 3
