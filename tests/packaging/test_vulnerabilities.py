"""What `just audit` does with what pip-audit finds, and with a database that does not answer.

pip-audit is real. The database is one of ours that speaks as OSV does (api.osv.dev, "POST /v1/query").
"""

import datetime as dt
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from deploy.vulnerabilities import findings, main, refusals, tell

TODAY = dt.date(2026, 11, 21)
LOCK = f"requests==2.19.1 \\\n    --hash=sha256:{'1' * 64}\n    # via wire\n"

AWAY = ["--vulnerability-service=osv", "--osv-url=http://127.0.0.1:9/"]
"""The arguments that ask where nobody listens."""

Known = dict[str, str]
"""name==version → id of its vulnerability. Each is fixed in 99."""


def vulnerability(name: str, found: str) -> dict[str, object]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}]
    return {
        "id": found,
        "aliases": ["CVE-2018-18074"],
        "affected": [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}],
    }


class Database(BaseHTTPRequestHandler):
    known: Known

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"]
        found = self.known.get(f"{name}=={asked['version']}")
        body = json.dumps({"vulns": [vulnerability(name, found)]} if found else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""


@pytest.fixture
def known() -> Known:
    """What the database knows; the test may add to it."""
    return {"jinja2==2.10": "PYSEC-2019-217"}


@pytest.fixture
def database(known: Known) -> Iterator[list[str]]:
    """The arguments that ask it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Knowing", (Database,), {"known": known}))
    Thread(target=server.serve_forever, daemon=True).start()
    yield ["--vulnerability-service=osv", f"--osv-url=http://127.0.0.1:{server.server_port}/v1/query"]
    server.shutdown()
    server.server_close()


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of one service, with one package; nobody requires an audit."""
    monkeypatch.delenv("WAGGLE_AUDIT_REQUIRED", raising=False)
    for folder in ("deploy", "services/booking"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "deploy/audit.toml").touch()
    (tmp_path / "services/booking/requirements.lock").write_text(LOCK)
    return tmp_path


def accept(tree: Path, reason: str, until: str) -> None:
    entry = f'[[vulnerabilities]]\nid = "CVE-2018-18074"\nreason = "{reason}"\nuntil = {until}\n'
    (tree / "deploy/audit.toml").write_text(entry)


def test_nothing_known_passes(tree, database, capsys):
    assert main(database, tree, TODAY) == 0
    assert capsys.readouterr().out == "vulnerabilities: 0 in 1 packages\n"


def test_a_vulnerable_pin_fails_with_its_name_and_where_it_is_fixed(tree, database, known, capsys):
    known["requests==2.19.1"] = "PYSEC-2018-28"
    assert main(database, tree, TODAY) == 1
    assert "requests 2.19.1: PYSEC-2018-28, CVE-2018-18074; fixed in 99" in capsys.readouterr().err


def test_an_accepted_one_passes_by_any_of_its_names_until_its_last_day(tree, database, known):
    known["requests==2.19.1"] = "PYSEC-2018-28"
    accept(tree, "Our requests carry no credentials.", "2026-11-21")
    assert main(database, tree, TODAY) == 0


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"reason": "Harmless here.", "until": dt.date(2026, 11, 20)}, "was accepted until 2026-11-20 only"),
        ({"reason": " ", "until": dt.date(2027, 1, 31)}, "is accepted without a reason"),
    ],
    ids=["expired", "no reason"],
)
def test_an_acceptance_that_is_expired_or_unfounded_is_refused(entry, said):
    assert refusals([{"id": "CVE-1"} | entry], TODAY) == [f"deploy/audit.toml: CVE-1 {said}"]


def test_an_expired_acceptance_fails_even_where_nothing_is_audited(tree):
    accept(tree, "Our requests carry no credentials.", "2026-11-20")
    assert main(AWAY, tree, TODAY) == 1


def test_a_database_that_knows_nothing_is_not_believed(tree, database, known, capsys):
    """pip-audit itself says of it: no known vulnerabilities found."""
    known.clear()
    assert main(database, tree, TODAY) == 0
    told = capsys.readouterr()
    assert "WARNING: not audited for vulnerabilities: the database does not know that jinja2" in told.err
    assert not told.out


@pytest.mark.parametrize(("required", "status"), [("", 0), ("1", 1)], ids=["asked for", "required"])
def test_what_is_not_audited_fails_where_an_audit_is_required(monkeypatch, required, status):
    monkeypatch.setenv("WAGGLE_AUDIT_REQUIRED", required)
    assert tell([], "the database is away") == status


def test_a_database_that_is_away_is_no_vulnerability_and_no_silence(tree, capsys):
    assert main(AWAY, tree, TODAY) == 0
    assert "WARNING: not audited for vulnerabilities: requests.exceptions" in capsys.readouterr().err


def test_a_package_that_the_database_passed_over_is_named():
    skipped = {"name": "sio", "skip_reason": "Dependency not found on PyPI: sio (1.0)"}
    read = {"dependencies": [{"name": "h3", "version": "4.5.0", "vulns": []}, skipped]}
    assert findings(read) == (1, [], ["Dependency not found on PyPI: sio (1.0)"])


def test_a_mistake_is_not_taken_for_a_database_that_is_away(tree):
    (tree / "services/booking/requirements.lock").write_text("requests>=2\n")
    with pytest.raises(SystemExit, match="pip-audit failed"):
        main(["--nonsense"], tree, TODAY)
