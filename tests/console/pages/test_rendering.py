"""A template's values are text, and a name that it does not get is a fault."""

import jinja2
import pytest

from console.pages.rendering import TEMPLATES, rendered


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
