"""Default deny, and what is allowed again: what the services' settings name, and no more."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

import pytest

from .conftest import DEPLOYMENTS, K8S, SERVICES, Manifests, Object
from .test_environment import running, settings_of

Flow = tuple[str, int | str]
"""(where to or from, port)"""

ELSEWHERE: dict[str, Flow] = {
    "nats_url": ("nats", 4222),
    "database_url": ("anywhere", 5432),
    "jwt_jwks_url": ("internet", 443),
    "apns_host": ("internet", 443),
    "apns_sandbox_host": ("internet", 443),
    "fcm_url": ("internet", 443),
    "fcm_token_url": ("internet", 443),
    "osrm_url": ("of the operator's own", 0),
}
"""Setting that names another place → the flow that it needs."""
PRIVATE = ("10.1.2.3", "100.64.0.1", "169.254.169.254", "172.20.0.1", "192.168.1.1", "fd00::1", "fe80::1")


@pytest.fixture(scope="module")
def policies(production: Manifests) -> list[Object]:
    return list(production.of("NetworkPolicy").values())


def selects(selector: Object, labels: dict[str, str]) -> bool:
    for one in selector.get("matchExpressions", []):
        assert one["operator"] == "In"
        if labels.get(one["key"]) not in one["values"]:
            return False
    return set(selector.get("matchLabels", {}).items()) <= set(labels.items())


def pods(manifests: Manifests) -> dict[str, dict[str, str]]:
    """Pod → labels, those of the NATS chart among them."""
    found = {
        one["metadata"]["labels"]["app.kubernetes.io/name"]: one["metadata"]["labels"]
        for _, one in manifests.workloads()
    }
    return {**found, "nats": {"app.kubernetes.io/name": "nats", "app.kubernetes.io/component": "nats"}}


def sides(peers: list[Object] | None, among: dict[str, dict[str, str]]) -> Iterator[str]:
    """Names for the peers of a rule: pods, `ns:<role>` for a namespace with its label, internet, anywhere."""
    if peers is None:
        yield "anywhere"
    for peer in peers or []:
        if "ipBlock" in peer:
            yield "internet"
        elif "namespaceSelector" in peer:
            (label,) = peer["namespaceSelector"]["matchLabels"].items()
            yield "dns" if "podSelector" in peer else f"ns:{label[0].removeprefix('waggle.dev/')}"
        else:
            yield from (name for name, labels in among.items() if selects(peer["podSelector"], labels))


def allowed(policies: list[Object], pod: str, way: str, among: dict[str, dict[str, str]]) -> set[Flow]:
    """`way`: ingress or egress."""
    peers = {"ingress": "from", "egress": "to"}[way]
    return {
        (side, port["port"])
        for policy in policies
        if selects(policy["spec"]["podSelector"], among[pod])
        for rule in policy["spec"].get(way, [])
        for side in sides(rule.get(peers), among)
        for port in rule["ports"]
    } - {("dns", 53)}


def needed(manifests: Manifests) -> dict[str, set[Flow]]:
    """Pod → the flows that its environment names."""
    found = {}
    for name, template in manifests.workloads():
        (container,) = template["spec"]["containers"]
        settings = [one["name"].removeprefix("WAGGLE_").lower() for one in container.get("env", [])]
        pod = template["metadata"]["labels"]["app.kubernetes.io/name"]
        found[pod] = {ELSEWHERE[one] for one in settings if one in ELSEWHERE}
        assert bool(found[pod]) is (pod != "console"), f"{name}: of all, the console alone speaks to nobody"
    return found


def test_every_pod_is_cut_off_from_everything_but_what_is_allowed_again(policies: list[Object]) -> None:
    (deny,) = [one for one in policies if one["metadata"]["name"] == "default-deny"]
    assert deny["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_a_pod_may_send_where_its_environment_points_and_nowhere_else(
    production: Manifests, policies: list[Object]
) -> None:
    among = pods(production)
    reached = {pod: allowed(policies, pod, "egress", among) for pod in among}
    assert reached.pop("nats") == {("nats", 6222)}
    assert reached == needed(production)


def test_every_setting_that_names_another_place_has_its_flow_here() -> None:
    """Whoever adds one decides who may go there."""
    for service in SERVICES:
        named = {
            one for one in settings_of(service).model_fields if one.endswith(("_url", "_host", "_hosts"))
        }
        assert named - {"http_host"} <= ELSEWHERE.keys(), service


def test_every_variable_that_names_another_place_has_its_flow_here(production: Manifests) -> None:
    for service, container in running(production):
        named = {
            one["name"] for one in container["env"] if one["name"].endswith(("_URL", "_HOST", "ENDPOINT"))
        }
        known = {f"WAGGLE_{name.upper()}" for name in ELSEWHERE}
        assert named <= known, service


def test_services_are_asked_through_the_gateway_and_scraped_and_not_by_each_other(
    production: Manifests, policies: list[Object]
) -> None:
    among = pods(production)
    for service in SERVICES:
        heard = allowed(policies, service, "ingress", among)
        assert heard == {("ns:gateway", "http"), ("ns:monitoring", "http")}, service


def test_the_console_is_asked_through_the_gateway_and_not_scraped(
    production: Manifests, policies: list[Object]
) -> None:
    assert allowed(policies, "console", "ingress", pods(production)) == {("ns:gateway", "http")}


def test_nobody_asks_a_job(production: Manifests, policies: list[Object]) -> None:
    among = pods(production)
    for pod in among.keys() - {*DEPLOYMENTS, "nats"}:
        assert allowed(policies, pod, "ingress", among) == set(), pod


def test_the_bus_hears_those_who_are_told_of_it_its_own_servers_and_those_who_read_figures(
    production: Manifests, policies: list[Object]
) -> None:
    clients = {(pod, 4222) for pod, flows in needed(production).items() if ("nats", 4222) in flows}
    assert len(clients) == len(SERVICES) + 1
    assert allowed(policies, "nats", "ingress", pods(production)) == clients | {
        ("nats", 6222),
        ("ns:autoscaling", 8222),
        ("ns:monitoring", 7777),
    }


def test_names_are_asked_of_the_cluster_by_everybody(policies: list[Object]) -> None:
    (dns,) = [one for one in policies if one["metadata"]["name"] == "dns"]
    assert dns["spec"]["podSelector"] == {}
    (rule,) = dns["spec"]["egress"]
    assert {(one["port"], one["protocol"]) for one in rule["ports"]} == {(53, "UDP"), (53, "TCP")}


def test_the_internet_is_neither_the_cluster_nor_the_metadata_of_its_cloud(policies: list[Object]) -> None:
    blocks = [
        peer["ipBlock"]
        for policy in policies
        for rule in policy["spec"].get("egress", [])
        for peer in rule.get("to", [])
        if "ipBlock" in peer
    ]
    assert len(blocks) == 2 * len(SERVICES)
    for block in blocks:
        for address in map(ip_address, PRIVATE):
            if address in ip_network(block["cidr"]):
                assert any(address in ip_network(one) for one in block["except"]), address


def test_a_policy_is_for_pods_that_there_are(production: Manifests, policies: list[Object]) -> None:
    among = pods(production)
    others = {"default-deny", "dns", "acme"}
    for one in policies:
        if one["metadata"]["name"] not in others:
            assert any(selects(one["spec"]["podSelector"], labels) for labels in among.values())


def test_the_labels_that_namespaces_must_wear_are_told(policies: list[Object]) -> None:
    text = (K8S / "README.md").read_text()
    for role in ("gateway", "monitoring", "autoscaling"):
        assert f"waggle.dev/{role}=true" in text
