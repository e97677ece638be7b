"""The alert rules ask for what the services tell, and for all that operators are told to watch."""

import re
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import REGISTRY

import shared.telemetry

ROOT = Path(__file__).parents[3]
RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text())["groups"][0]["rules"]
_GAUGE = re.compile(r"cxq_\w+")


def told() -> dict[str, set[str]]:
    """Name the gauges of a service with their labels."""
    gauges = [each for each in vars(shared.telemetry).values() if hasattr(each, "_labelnames")]
    known = {metric.name for metric in REGISTRY.collect()}
    return {each._name: set(each._labelnames) for each in gauges if each._name in known}


def test_every_rule_asks_for_a_gauge_that_there_is_and_names_labels_that_it_has() -> None:
    for rule in RULES:
        (gauge,) = _GAUGE.findall(rule["expr"])
        named = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        assert named <= told()[gauge], rule["alert"]


def test_whatever_operators_are_told_to_watch_has_a_rule() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    watched = set(re.findall(r"^\| `(cxq_\w+)`", page, re.MULTILINE))
    assert watched
    assert watched == {gauge for rule in RULES for gauge in _GAUGE.findall(rule["expr"])}
