"""The cluster's front and the one machine's are the same origin."""

import re
from pathlib import Path

import yaml

from .conftest import DEPLOYMENTS

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"

Paths = dict[str, set[str]]
"""Service → path prefixes."""


def paths_of_caddy() -> Paths:
    """Service → path prefixes. A prefix is a pair in the Caddyfile: `/v1/jobs /v1/jobs/*`.

    What answers is a service, or the site.caddy of a client.
    """
    text = (DEPLOY / "local" / "Caddyfile").read_text()
    matchers = {name: set(paths.split()) for name, paths in re.findall(r"^\s*@(\w+) path (.+)$", text, re.M)}
    handled = re.findall(
        r"handle @(\w+) \{\s*import (?:to_service \{\$WAGGLE_|\S+/)(\w+?)(?:_ADDRESS|/site.caddy)", text
    )
    found: Paths = {}
    for matcher, service in handled:
        prefixes = {path for path in matchers[matcher] if not path.endswith("/*")}
        assert matchers[matcher] == prefixes | {f"{prefix}/*" for prefix in prefixes}
        found[service.lower()] = prefixes
    return found


def paths_of_gateway() -> Paths:
    """Service → path prefixes of its HTTPRoute."""
    found: Paths = {}
    for route in yaml.safe_load_all((DEPLOY / "k8s/components/gateway/routes.yaml").read_text()):
        for rule in route["spec"]["rules"]:
            ((service, port),) = [(one["name"], one["port"]) for one in rule["backendRefs"]]
            assert port == 80
            for match in rule["matches"]:
                assert match["path"]["type"] == "PathPrefix"
                found.setdefault(service, set()).add(match["path"]["value"])
    return found


def paths_of_ingress() -> Paths:
    """Service → path prefixes of the Ingress."""
    ingress = yaml.safe_load((DEPLOY / "k8s/components/ingress/ingress.yaml").read_text())
    found: Paths = {}
    for rule in ingress["spec"]["rules"]:
        for path in rule["http"]["paths"]:
            assert path["pathType"] == "Prefix"
            service = path["backend"]["service"]
            assert service["port"] == {"name": "http"}
            found.setdefault(service["name"], set()).add(path["path"])
    return found


def test_gateway_ingress_and_caddyfile_route_the_same_paths() -> None:
    assert paths_of_gateway() == paths_of_caddy()
    assert paths_of_ingress() == paths_of_caddy()
    assert set(paths_of_caddy()) == set(DEPLOYMENTS)


def test_routes_hang_on_the_one_gateway_of_their_own_namespace() -> None:
    (gateway,) = yaml.safe_load_all((DEPLOY / "k8s/components/gateway/gateway.yaml").read_text())
    for route in yaml.safe_load_all((DEPLOY / "k8s/components/gateway/routes.yaml").read_text()):
        assert route["spec"]["parentRefs"] == [{"name": gateway["metadata"]["name"]}]


def test_no_gateway_cuts_a_socket_off_for_its_length() -> None:
    routes = yaml.safe_load_all((DEPLOY / "k8s/components/gateway/routes.yaml").read_text())
    (realtime,) = [route for route in routes if route["metadata"]["name"] == "realtime"]
    assert [rule["timeouts"]["request"] for rule in realtime["spec"]["rules"]] == ["0s"]
