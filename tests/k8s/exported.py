"""The metrics that the services export, by what their code registers; and the names in PromQL."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

PACKAGES = ("wire", "booking", "matching", "realtime", "push")
NOT_THE_SERVICE = re.compile(r"\.(migrations\.|__main__$)")
SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_count", "_sum"),
}
OF_A_POD = frozenset({"job", "pod", "namespace", "le"})
"""Labels that a target or a histogram's bucket has besides its metric's own."""
WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "bool", "offset", "group_left"}


@cache
def exported() -> dict[str, frozenset[str]]:
    """Every series of ours by its name in PromQL, with its labels. Importing a service registers them."""
    for package in PACKAGES:
        path = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(path, f"{package}."):
            if not NOT_THE_SERVICE.search(module.name):
                importlib.import_module(module.name)
    return {f"{name}{suffix}": labels for name, kind, labels in _registered() for suffix in SUFFIXES[kind]}


def _registered() -> Iterator[tuple[str, str, frozenset[str]]]:
    for collector in tuple(REGISTRY._collector_to_names):
        if isinstance(collector, MetricWrapperBase) and collector._name.startswith("waggle_"):
            yield collector._name, str(collector._type), frozenset(collector._labelnames)


def documented() -> set[str]:
    """Names as people say them: a histogram once, without the suffixes of its series."""
    exported()
    return {f"{name}_total" if kind == "counter" else name for name, kind, _ in _registered()}


def names_in(promql: str) -> set[str]:
    """Every series that an expression reads."""
    bare = re.sub(
        r'"[^"]*"|\'[^\']*\'|\{[^}]*\}|\[[^\]]*\]|\b(by|without|on)\s*\([^)]*\)', " ", _quiet(promql)
    )
    return {one for one in re.findall(r"[a-zA-Z_:][\w:]*\b(?!\s*\()", bare) if one not in WORDS}


def matched_in(promql: str) -> Iterator[tuple[str, str]]:
    """(series, label) of every matcher."""
    for name, matchers in re.findall(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}", _quiet(promql)):
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers):
            yield name, label


def _quiet(promql: str) -> str:
    """Without what is in quotes."""
    return re.sub(r'"[^"]*"|\'[^\']*\'', '""', promql)
