"""What `just audit` says of licences."""

from pathlib import Path

import pytest
from deploy.licences import main, of_npm, of_python, refusals

RULES = {"allowed": ["MIT", "MIT License", "BSD License"], "found": {}}
PIN = ("package", "1.0")


def lock(*pins: str) -> str:
    return "".join(f"{pin} \\\n    --hash=sha256:{'1' * 64}\n    # via wire\n" for pin in pins)


@pytest.fixture
def copyleft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The pin of an installed package that is under the GPL."""
    metadata = tmp_path / "copyleft-1.0.dist-info/METADATA"
    metadata.parent.mkdir()
    metadata.write_text(
        "Metadata-Version: 2.4\nName: copyleft\nVersion: 1.0\nLicense-Expression: GPL-3.0-only\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "copyleft==1.0"


def test_a_package_under_the_gpl_is_refused_beside_others_that_are_not(copyleft, tmp_path, capsys):
    service = tmp_path / "services/booking"
    service.mkdir(parents=True)
    (service / "requirements.lock").write_text(lock(copyleft, "wsproto==1.3.2"))
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy/audit.toml").write_text('[licences]\nallowed = ["MIT"]\nfound = {}\n')
    assert main(tmp_path) == 1
    assert capsys.readouterr().err == "ERROR: copyleft 1.0: its licence is not allowed: GPL-3.0-only\n"


def test_what_is_not_installed_in_the_locked_version_is_not_taken_for_known(copyleft):
    stated = of_python([lock("copyleft==1.1")])
    assert stated == {("copyleft", "1.1"): "unread, as it is not installed here"}


def test_what_no_image_installs_is_not_asked_for(copyleft):
    assert of_python([lock("colorama==0.4.6 ; sys_platform == 'win32'", copyleft)]).keys() == {
        ("copyleft", "1.0")
    }


@pytest.mark.parametrize(
    ("stated", "passes"),
    [
        ("MIT", True),
        ("MIT License; BSD License", True),
        ("MIT License; GNU General Public License v3 (GPLv3)", False),
        ("MIT AND GPL-3.0-only", False),
        ("MIT-CMU", False),
        ("UNKNOWN", False),
    ],
)
def test_every_licence_of_a_package_is_allowed_as_it_is_written_or_it_is_refused(stated, passes):
    assert (refusals({PIN: stated}, RULES) == []) is passes


def test_a_licence_found_by_hand_passes_as_long_as_it_is_needed():
    rules = RULES | {"found": {"package": "MIT: LICENSE in its wheel"}}
    assert refusals({PIN: "UNKNOWN"}, rules) == []
    for stated in ({PIN: "MIT"}, {}):
        assert refusals(stated, rules) == [
            "deploy/audit.toml: package states an allowed licence by now, or is in no image"
        ]


def test_packages_of_npm_state_their_licences_in_its_lock():
    packages = {
        "": {"name": "console", "license": "Apache-2.0"},
        "node_modules/h3-js": {"version": "4.5.0", "license": "Apache-2.0"},
        "node_modules/a/node_modules/@b/c": {"version": "1.0.0", "dev": True},
    }
    assert of_npm({"packages": packages}) == {("h3-js", "4.5.0"): "Apache-2.0", ("@b/c", "1.0.0"): "UNKNOWN"}
