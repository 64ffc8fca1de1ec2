"""A template's values are text, and a name that it does not get is a fault."""

from collections.abc import Callable
from datetime import UTC, datetime

import jinja2
import pytest

from console.pages.rendering import (
    TEMPLATES,
    UNKNOWN,
    ago,
    clock,
    moment,
    moment_ms,
    money,
    price,
    rendered,
    signed,
    tone,
)


def test_values_are_escaped() -> None:
    page = rendered("plain", 503, title='"><script>', text="a & b")

    assert page.status_code == 503
    assert b"&#34;&gt;&lt;script&gt;" in page.body
    assert b"a &amp; b" in page.body


def test_a_value_that_is_missing_is_a_fault() -> None:
    with pytest.raises(jinja2.UndefinedError):
        rendered("plain", title="Not available")


def test_no_template_turns_the_escaping_off_or_loads_from_elsewhere() -> None:
    wrong = ("|safe", "autoescape", "<script>", "style=", "http://", "https://", " onclick", "hx-on", "hx-vals")
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text(encoding="utf-8")
        assert not [each for each in wrong if each in text], template
        assert text.count("<script") == text.count('<script src="/static/')


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (money(-1234.5), "−1,234.50"), (money(0), "0.00"),
        (signed(12.5), "+12.50"), (signed(-1234.567), "−1,234.57"),
        (price(190), "190.00"), (price(-0.1234567), "−0.123457"), (price(1.23456, most=3), "1.235"),
        (tone(0.01), "up"), (tone(-0.01), "down"), (tone(0), "flat"), (tone(None), "flat"),
        (ago(119.6), "120 s"), (ago(120), "2 min"), (ago(7200), "2 h"), (ago(172_800), "2 d"),
        (clock("2026-01-02T10:04:05-05:00"), "15:04:05"),
        (moment(datetime(2026, 1, 2, 3, 4, 5)), "2026-01-02 03:04:05"),
        (clock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)), "03:04:05"),
        (moment_ms(1_767_323_045_999), "2026-01-02 03:04:05"),
    ],
)  # fmt: skip
def test_a_figure_is_shown_as_people_write_it(shown: str, text: str) -> None:
    assert shown == text


@pytest.mark.parametrize("show", [money, signed, price, ago, clock, moment])
def test_what_nobody_has_told_is_no_figure(show: Callable[[None], str]) -> None:
    assert show(None) == UNKNOWN
    assert clock("") == moment("yesterday") == UNKNOWN
