"""A service installs by itself: what it needs, and nothing of the others."""

import os
import subprocess
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {"booking", "matching", "realtime", "push"}
TOOLS = {"stack", "city", "standins", "apns-standin", "fcm-standin"}


def members_installed_with(service: str, where: Path) -> tuple[set[str], set[str]]:
    """(distributions of this workspace, all others) after installing `service` alone into `where`."""
    environment = os.environ | {"UV_PROJECT_ENVIRONMENT": str(where)}
    environment.pop("VIRTUAL_ENV", None)
    command = ["uv", "sync", "--quiet", "--no-dev", "--package", service]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    (packages,) = where.glob("lib/python*/site-packages")
    found = {one.name.lower() for one in distributions(path=[str(packages)])}
    members = {"contracts", "wire", "waggle"} | SERVICES | TOOLS
    return found & members, found - members


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_service_brings_contracts_and_wire_and_nothing_of_the_others(service: str, tmp_path: Path) -> None:
    members, others = members_installed_with(service, tmp_path / "venv")
    assert members == {"contracts", "wire", service}
    assert "fastapi" in others
    assert not {"pytest", "testcontainers", "mypy"} & others


def test_a_service_without_a_database_brings_no_database_driver(tmp_path: Path) -> None:
    _, others = members_installed_with("realtime", tmp_path / "venv")
    assert not {"asyncpg", "sqlalchemy", "alembic"} & others
    assert "python-socketio" in others
