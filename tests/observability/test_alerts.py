"""The alert rules: each names metrics that exist, fires, stays quiet, and says what to do."""

from collections import Counter

import pytest
import yaml

from tests.observability.files import FOLDER, KNOWN, names_in, needs_promtool, promtool, rules


@needs_promtool
def test_promtool_accepts_the_rules_and_the_scrape() -> None:
    promtool("check", "rules", "alerts.yaml")
    promtool("check", "config", "--syntax-only", "prometheus.yaml")


@needs_promtool
def test_each_alert_fires_and_stays_quiet() -> None:
    promtool("test", "rules", "alerts_test.yaml")


def test_each_alert_has_a_test_that_it_fires_and_one_that_it_stays_quiet() -> None:
    tests = yaml.safe_load((FOLDER / "alerts_test.yaml").read_text(encoding="utf-8"))["tests"]
    checks = [check for test in tests for check in test["alert_rule_test"]]
    found = Counter((check["alertname"], bool(check["exp_alerts"])) for check in checks)

    assert found == {(rule["alert"], fires): 1 for rule in rules() for fires in (True, False)}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_names_what_exists_and_says_what_it_means(rule: dict[str, dict[str, str]]) -> None:
    assert names_in(str(rule["expr"])) <= KNOWN
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() == {"summary", "description"}
