"""HTTPS in front, by one certificate, for one host name."""

import pytest

from .conftest import Manifests, Object, composed, production_by_ingress, rendered


@pytest.fixture(params=["gateway", "ingress"])
def front(request: pytest.FixtureRequest) -> tuple[str, Manifests]:
    """Production by each of its two fronts."""
    made = rendered("overlays/prod") if request.param == "gateway" else production_by_ingress()
    return request.param, made


def hosts_and_secrets(front: str, manifests: Manifests) -> tuple[set[str], set[str]]:
    """Host names that are served, and secrets of the certificates that they are served by."""
    if front == "gateway":
        (gateway,) = manifests.of("Gateway").values()
        listeners: list[Object] = gateway["spec"]["listeners"]
        assert {(one["protocol"], one["port"]) for one in listeners} == {("HTTPS", 443)}
        references = [each["name"] for one in listeners for each in one["tls"]["certificateRefs"]]
        return {one["hostname"] for one in listeners}, set(references)
    (ingress,) = manifests.of("Ingress").values()
    secured = {host for one in ingress["spec"]["tls"] for host in one["hosts"]}
    assert secured == {one["host"] for one in ingress["spec"]["rules"]}
    return secured, {one["secretName"] for one in ingress["spec"]["tls"]}


def test_production_is_reached_by_https_with_the_certificate_that_is_ordered(
    front: tuple[str, Manifests],
) -> None:
    (certificate,) = front[1].of("Certificate").values()
    hosts, secrets = hosts_and_secrets(*front)
    assert hosts == set(certificate["spec"]["dnsNames"])
    assert secrets == {certificate["spec"]["secretName"]}
    assert certificate["spec"]["privateKey"]["rotationPolicy"] == "Always"


def test_production_has_one_front(front: tuple[str, Manifests]) -> None:
    assert [len(front[1].of(kind)) for kind in ("Gateway", "Ingress")].count(1) == 1


def test_without_the_component_nothing_asks_for_a_certificate() -> None:
    (gateway,) = composed("gateway").of("Gateway").values()
    assert [one["protocol"] for one in gateway["spec"]["listeners"]] == ["HTTP"]
    assert "tls" not in composed("ingress").of("Ingress")["waggle"]["spec"]
