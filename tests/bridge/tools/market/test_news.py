"""The arguments of calls for news."""

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.tools.market.news import GetNews, GetNewsArticle


@pytest.mark.parametrize("codes", [["BRFG", "DJ-N"], "BRFG, DJ-N", "BRFG+DJ-N"])
def test_providers_are_a_list_or_one_text(codes: Any) -> None:
    assert GetNews.model_validate({"symbol": "AAPL", "providerCodes": codes}).providerCodes == ["BRFG", "DJ-N"]


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"providerCodes": ["a b"]}, "providerCodes"),
        ({"limit": 301}, "less than or equal to 300"),
        ({"startDateTime": "2025-06-10 12:00:00"}, "has no time zone"),
        ({"endDateTime": "yesterday"}, "an instant with its time zone, or a day"),
    ],
)
def test_arguments_that_are_wrong_are_refused(wrong: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        GetNews.model_validate({"symbol": "AAPL"} | wrong)


def test_an_article_has_twenty_pages_at_most() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 20"):
        GetNewsArticle(providerCode="BRFG", articleId="BRFG$1", page=21)
