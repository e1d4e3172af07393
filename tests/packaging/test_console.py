"""What can be said of the web console's image without building it."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONSOLE = ROOT / "clients" / "console"
DOCKERFILE = (CONSOLE / "Dockerfile").read_text()


def test_it_is_built_on_a_base_image_of_one_s_choice_and_stands_on_none() -> None:
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${PYTHON_IMAGE}", "scratch"]


def test_it_runs_as_nobody_in_particular_and_without_a_shell() -> None:
    last = DOCKERFILE.partition("FROM scratch")[2].splitlines()
    assert [line for line in last if line.startswith("USER")] == ["USER 10001:10001"]
    assert not [line for line in last if line.startswith("RUN")]
    assert json.loads(last[-1].removeprefix("CMD "))[0] == "/caddy"


def test_what_it_is_built_with_is_locked_and_checked_by_its_hashes() -> None:
    assert "COPY clients/console/requirements.lock " in DOCKERFILE
    assert "--require-hashes --no-deps --only-binary :all: -r /tools/requirements.lock" in DOCKERFILE
    assert "npm ci" in DOCKERFILE
    packages = json.loads((CONSOLE / "package-lock.json").read_text())["packages"]
    assert len(packages) > 1
    for name, package in packages.items():
        assert name == "" or package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, f"{name}: the lock would name a host"


def test_the_image_and_one_machine_serve_the_site_by_the_same_lines() -> None:
    served = (CONSOLE / "Caddyfile", ROOT / "deploy" / "local" / "Caddyfile")
    for caddyfile in served:
        (path,) = re.findall(r"handle @console \{\s*import (\S+)", caddyfile.read_text())
        assert (caddyfile.parent / path).resolve() == CONSOLE / "site.caddy"


def test_the_image_listens_where_its_pods_are_asked() -> None:
    assert "http://:8080 {" in (CONSOLE / "Caddyfile").read_text()
    assert "EXPOSE 8080" in DOCKERFILE
