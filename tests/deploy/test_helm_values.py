"""The chart's values: each is documented, used and known, and what cannot be meant is refused."""

import json
import re
from typing import Any

import pytest
import yaml

from tests.deploy.chart import CHART, OWN_SECRET, helm
from tests.deploy.tools import needs

pytestmark = needs("helm")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"logins": [{"name": "main", "tokensSecret": "t"}]}, "credentialsSecret is needed"),
        ({"logins": [{"name": "main"}]}, "tokensSecret"),
        ({"logins": []}, "logins"),
        ({"logins": [{"name": "Main", "tokensSecret": "t", "simulator": True}]}, "name"),
        ({"logins": [{"name": "a", "tokensSecret": "t", "simulator": True, "mode": "yolo"}]}, "mode"),
        ({"redis": {"builtIn": False}}, r"redis\.url or"),
        ({"frontend": {}}, "additional properties"),
        ({"worker": {"replica": 3}}, "additional properties"),
        ({"gateway": {"terminationGracePeriodSeconds": 10}}, "terminationGracePeriodSeconds"),
    ],
)
def test_values_that_cannot_be_meant_are_refused_with_a_reason(values: dict[str, Any], reason: str) -> None:
    said = helm("template", "rel", str(CHART), *OWN_SECRET, values=values)

    assert said.returncode != 0
    assert re.search(reason, said.stderr)


def test_names_that_would_be_cut_are_refused() -> None:
    said = helm("template", "r" * 50, str(CHART))

    assert said.returncode != 0
    assert "too long a name" in said.stderr


def test_every_value_is_documented_where_it_stands() -> None:
    lines = (CHART / "values.yaml").read_text().splitlines()
    bare = [
        line.strip()
        for above, line in zip(["", *lines], lines, strict=False)
        if re.match(r"\s*\w+: *\S", line) and "#" not in above and not re.match(r"\s*(requests|limits): {", line)
    ]

    assert bare == []


def test_every_value_is_used_and_known_to_the_schema() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    used = "".join(each.read_text() for each in (CHART / "templates").rglob("*.*"))

    assert set(schema["properties"]) == set(values) | {"global"}
    for group, each in values.items():
        assert f"Values.{group}" in used
        for name in each if isinstance(each, dict) else ():
            assert re.search(rf"\.{name}\b", used), f"{group}.{name}"
