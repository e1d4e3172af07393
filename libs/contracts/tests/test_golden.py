import json
from pathlib import Path
from typing import Any

import pytest

from contracts import golden
from contracts.catalog import Contract, catalog
from contracts.requests import Acceptance, AcceptJob

FOLDER = Path(__file__).parent / "golden"
CONTRACTS = list(catalog())
by_name = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)


def agreed(contract: Contract) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(golden.path_of(FOLDER, contract).read_text())
    return loaded


@by_name
def test_contract_changed_by_addition_only(contract: Contract) -> None:
    """Issue 2 item 2. Old readers and old events are still about: make a new event beside the old one."""
    assert golden.differences(agreed(contract), golden.golden(contract)) == []


@by_name
def test_golden_file_has_every_addition(contract: Contract) -> None:
    """If this fails alone, the change was an addition: `just golden` writes it down, so that it stays."""
    assert golden.differences(golden.golden(contract), agreed(contract)) == []


def test_every_golden_file_is_of_a_contract() -> None:
    """A contract that was removed or renamed leaves its file behind."""
    assert {path.stem for path in FOLDER.glob("*.json")} == {contract.name for contract in CONTRACTS}


@pytest.mark.parametrize("key", ["subject", "type", "source"])
def test_changed_address_is_told(key: str) -> None:
    old = golden.golden(CONTRACTS[0])
    assert golden.differences(old, old | {key: "other"}) == [f"{key} was {old[key]!r}, is 'other'"]


def test_change_in_a_reply_is_told() -> None:
    contract = Contract("r", "request.r", AcceptJob, Acceptance)
    old, new = golden.golden(contract), golden.golden(contract)
    del new["reply"]["accepted"]["properties"]["job_id"]
    assert golden.differences(old, new) == ["reply, accepted: $.job_id: was removed"]
    assert golden.differences(old, golden.golden(contract._replace(reply=None))) == ["reply came or went"]


def test_command_writes_additions_and_refuses_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`just golden`"""
    assert golden.main(tmp_path) == 0
    contract = CONTRACTS[0]
    path = golden.path_of(tmp_path, contract)
    whole = path.read_text()

    before_an_addition = json.loads(whole)
    for side in ("written", "accepted"):
        del before_an_addition["message"][side]["properties"]["driver_id"]
    path.write_text(json.dumps(before_an_addition))
    assert golden.main(tmp_path) == 0
    assert path.read_text() == whole

    path.write_text(json.dumps(json.loads(whole) | {"subject": "job.made.{job_id}"}))
    (tmp_path / "job.sung.json").write_text("{}")
    assert golden.main(tmp_path) == 1
    told = capsys.readouterr().err
    assert "job.created: subject was 'job.made.{job_id}'" in told
    assert "job.sung: was removed" in told
    assert '"job.made' in path.read_text()
