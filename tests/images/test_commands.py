"""deploy/k8s/README.md: what it has for Docker, run as it is written, by somebody who is not root."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from docker.client import DockerClient
from docker.errors import ImageNotFound
from tests.alone import PATIENCE_S
from tests.documents.written import ROOT, commands

from contracts.permissions import USERS
from wire.keys import public_key

IMAGE = "registry.example.com/waggle/booking:0.1.0"
SOCKET = Path("/var/run/docker.sock")
SOMEBODY = 1234


def run(script: str, cwd: Path, home: Path, **who: object) -> str:
    env = os.environ | {"DOCKER_BUILDKIT": "1", "HOME": str(home)}
    command = ["bash", "-c", f"set -eu\n{script}"]
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, **who)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr[-4000:]
    return str(done.stdout)


@pytest.fixture
def removed(engine: DockerClient) -> Iterator[None]:
    """The image, afterwards: its name is of a registry that does not exist."""
    yield
    with suppress(ImageNotFound):
        engine.images.remove(IMAGE)


@pytest.mark.usefixtures("removed")
@pytest.mark.timeout(PATIENCE_S)
def test_an_image_is_built_and_makes_the_keys_of_an_installation(tmp_path: Path) -> None:
    build, make_keys = commands("tests/images/test_commands.py")
    run(build, ROOT, tmp_path.parent)
    if os.getuid() == 0:  # the page is for people, who may use Docker and no more
        tmp_path.parent.chmod(0o755)
        os.chown(tmp_path, SOMEBODY, SOMEBODY)
        run(make_keys, tmp_path, tmp_path, user=SOMEBODY, group=SOMEBODY, extra_groups=[SOCKET.stat().st_gid])
    else:
        run(make_keys, tmp_path, tmp_path)
    made = {file.name: file for file in (tmp_path / "keys").iterdir()}
    assert made.keys() == {*(f"{user}.seed" for user in USERS), "public.env"}
    for user in USERS:
        assert made[f"{user}.seed"].stat().st_mode & 0o777 == 0o600
        assert public_key(made[f"{user}.seed"].read_text()) in made["public.env"].read_text()
