"""What can be said of the images without building them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("booking", "matching", "realtime", "push")


def dockerfile(service: str) -> str:
    return (ROOT / "services" / service / "Dockerfile").read_text()


@pytest.mark.parametrize("service", SERVICES)
def test_dockerfiles_differ_by_the_service_s_name_only(service: str) -> None:
    assert dockerfile(service).replace(service, "booking") == dockerfile("booking")


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_runs_one_service_as_nobody_in_particular_and_without_a_shell(service: str) -> None:
    instructions = dockerfile(service).splitlines()
    assert re.fullmatch(
        r"USER [1-9]\d*:[1-9]\d*", next(one for one in instructions if one.startswith("USER"))
    )
    assert instructions[-1] == f'CMD ["python", "-m", "{service}"]'
    assert "EXPOSE 8000" in instructions


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_installs_what_is_locked_and_checks_its_hashes(service: str) -> None:
    assert f"COPY services/{service}/requirements.lock deploy/build-constraints.txt ./" in dockerfile(service)
    assert "--require-hashes --no-deps --only-binary :all: --no-binary nkeys" in dockerfile(service)
    assert "--build-constraints build-constraints.txt -r requirements.lock" in dockerfile(service)
    constraints = (ROOT / "deploy/build-constraints.txt").read_text().splitlines()[1:]
    assert constraints
    assert all("--hash=sha256:" in line for line in constraints)
    others = set(SERVICES) - {service}
    copied = " ".join(line for line in dockerfile(service).splitlines() if line.startswith("COPY"))
    assert not any(f"services/{other}" in copied for other in others)


@pytest.mark.parametrize("service", SERVICES)
def test_images_are_made_of_a_base_image_of_one_s_choice(service: str) -> None:
    stages = re.findall(r"^FROM (\S+)", dockerfile(service), re.MULTILINE)
    assert stages == ["${PYTHON_IMAGE}"] * 2
