"""What `just audit` does with what pip-audit and npm find, and with a database that does not answer.

Both are real. The database is one of ours that speaks as OSV does (api.osv.dev, "POST /v1/query") and as
npm's registry ("POST /-/npm/v1/security/advisories/bulk": versions by name; advisories by name).
"""

import datetime as dt
import gzip
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from deploy.vulnerabilities import findings, main, refusals, tell

TODAY = dt.date(2026, 11, 21)
LOCK = f"requests==2.19.1 \\\n    --hash=sha256:{'1' * 64}\n    # via wire\n"

AWAY = ["--vulnerability-service=osv", "--osv-url=http://127.0.0.1:9/"]
"""The arguments that ask where nobody listens."""

Known = dict[str, str]
"""name==version (of npm: name@version) → id of its vulnerability. Each is fixed in 99."""


def vulnerability(name: str, found: str) -> dict[str, object]:
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}]
    return {
        "id": found,
        "aliases": ["CVE-2018-18074"],
        "affected": [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}],
    }


def advisory(found: str) -> dict[str, object]:
    url = f"https://github.com/advisories/{found}"
    return {"id": 1, "url": url, "title": "It falls over", "severity": "high", "vulnerable_versions": "<99"}


class Database(BaseHTTPRequestHandler):
    known: Known

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(gzip.decompress(sent) if "gzip" in self.headers.values() else sent)
        self._say(200, self._npm(asked) if "advisories" in self.path else self._osv(asked))

    def do_GET(self) -> None:
        """npm would read all versions of a package that is vulnerable, to say which to take instead."""
        self._say(404, {})

    def _osv(self, asked: dict[str, Any]) -> object:
        name = asked["package"]["name"]
        found = self.known.get(f"{name}=={asked['version']}")
        return {"vulns": [vulnerability(name, found)]} if found else {}

    def _npm(self, asked: dict[str, list[str]]) -> object:
        found = {name: self.known.get(f"{name}@{versions[0]}") for name, versions in asked.items()}
        return {name: [advisory(known_as)] for name, known_as in found.items() if known_as}

    def _say(self, status: int, answer: object) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""


@pytest.fixture
def known() -> Known:
    """What the database knows; the test may add to it."""
    return {"jinja2==2.10": "PYSEC-2019-217", "minimist@0.0.8": "GHSA-vh95-rmgr-6w4m"}


@pytest.fixture
def database(known: Known, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The arguments that have pip-audit ask it; npm does anyway."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Knowing", (Database,), {"known": known}))
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("npm_config_registry", f"http://127.0.0.1:{server.server_port}/")
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


@pytest.fixture
def console(tree: Path) -> Path:
    """The same with one package of npm's."""
    folder = tree / "clients/console"
    folder.mkdir(parents=True)
    package = {"name": "console", "dependencies": {"ws": "8.0.0"}}
    packages = {"": package, "node_modules/ws": {"version": "8.0.0"}}
    (folder / "package.json").write_text(json.dumps(package))
    (folder / "package-lock.json").write_text(json.dumps({"lockfileVersion": 3, "packages": packages}))
    return tree


def accept(tree: Path, reason: str, until: str, known_as: str = "CVE-2018-18074") -> None:
    entry = f'[[vulnerabilities]]\nid = "{known_as}"\nreason = "{reason}"\nuntil = {until}\n'
    (tree / "deploy/audit.toml").write_text(entry)


def test_nothing_known_passes(tree, database, capsys):
    assert main(database, tree, TODAY) == 0
    assert capsys.readouterr().out == "vulnerabilities: 0 in 1 packages\n"


def test_a_vulnerable_pin_fails_with_its_name_and_where_it_is_fixed(tree, database, known, capsys):
    known["requests==2.19.1"] = "PYSEC-2018-28"
    assert main(database, tree, TODAY) == 1
    assert "requests 2.19.1: PYSEC-2018-28, CVE-2018-18074; fixed in 99" in capsys.readouterr().err


def test_packages_of_npm_are_asked_about_too(console, database, known, capsys):
    assert main(database, console, TODAY) == 0
    assert capsys.readouterr().out == "vulnerabilities: 0 in 2 packages\n"
    known["ws@8.0.0"] = "GHSA-3h5v-q93c-6h6q"
    assert main(database, console, TODAY) == 1
    assert "ws: GHSA-3h5v-q93c-6h6q, It falls over; versions <99" in capsys.readouterr().err
    accept(console, "Nobody sends it so many headers.", "2026-11-21", "GHSA-3h5v-q93c-6h6q")
    assert main(database, console, TODAY) == 0


def test_a_registry_that_knows_nothing_or_has_no_advisories_is_not_believed(
    console, database, known, capsys, monkeypatch
):
    del known["minimist@0.0.8"]
    assert main(database, console, TODAY) == 0
    told = "npm: the database does not know that minimist 0.0.8 is vulnerable"
    assert told in capsys.readouterr().err
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    assert main(database, console, TODAY) == 0
    assert "WARNING: not audited for vulnerabilities: npm: " in capsys.readouterr().err


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
