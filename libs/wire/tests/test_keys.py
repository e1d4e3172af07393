"""Keys of the bus's users, as an installation gets them."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from contracts.permissions import USERS
from wire.keys import new_seeds, public_key
from wire.settings import BusSettings


def made(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wire.keys", str(folder)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_every_user_has_a_seed_that_only_its_owner_reads_and_the_server_the_public_keys(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "keys"
    assert made(folder).returncode == 0
    public = dict(line.split("=") for line in (folder / "public.env").read_text().splitlines())
    assert len(public) == len(USERS)
    for user in USERS:
        path = folder / f"{user}.seed"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert public_key(path.read_text()) == public[f"WAGGLE_NATS_NKEY_{user.upper()}"]
        assert path.read_text() not in (folder / "public.env").read_text()


def test_keys_that_there_are_are_never_replaced(tmp_path: Path) -> None:
    made(tmp_path)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert "FileExistsError" in made(tmp_path).stderr
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_a_service_takes_the_seed_of_a_user_only_and_never_shows_it() -> None:
    [seed] = new_seeds(["push"]).values()
    settings = BusSettings(nats_nkey_seed=seed)
    assert settings.access.seed == seed
    assert seed not in repr(settings) + repr(settings.access)
    for wrong in (public_key(seed), "SAxx", "", seed[:-1]):
        with pytest.raises(ValidationError) as refused:
            BusSettings(nats_nkey_seed=wrong)
        assert not wrong or wrong not in str(refused.value)
    with pytest.raises(ValueError, match="seed"):
        public_key("SAxx")


def test_an_authority_is_for_tls_only() -> None:
    """Else somebody believed that the way is safe which is not."""
    with pytest.raises(ValidationError, match="tls://"):
        BusSettings(nats_ca="-----BEGIN CERTIFICATE-----")
