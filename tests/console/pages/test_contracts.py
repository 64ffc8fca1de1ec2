"""A contract's page: its candles in a sentence and a table, one question to the worker for all who look."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.tool import ToolError
from bridge.tools.console.candles import ContractCandles, Span
from console.pages.contracts import summary
from tests.stacks.console import console
from tests.stacks.front import READY, answering, worker

HOSTILE = "<img src=x onerror=alert(1)>"


def candles(span: Span = "day", **changed: Any) -> ContractCandles:
    return ContractCandles(
        **{
            "conId": 265598, "name": "AAPL", "currency": "USD", "span": span,
            "barSizeSetting": "1 day" if span == "year" else "5 mins", "whatToShow": "TRADES",
            "time": datetime(2025, 6, 11, 14, 37, tzinfo=UTC), "age_s": 1, "problem": "",
            "rows": [(1749652200, 200.0, 202.5, 199.0, 201.0, 1000.0), (1749652500, 201.0, 201.5, 200.0, 198.0, None)],
        } | changed
    )  # fmt: skip


def test_a_sentence_tells_the_candles_to_who_does_not_see_them() -> None:
    assert summary(candles()) == (
        "AAPL, 5 mins, 2025-06-11 14:30 to 2025-06-11 14:35 UTC: opened 200.00, high 202.50, low 199.00, "
        "last 198.00 USD (−1.00 %)."
    )
    assert "2025-06-11 to 2025-06-11:" in summary(candles("year"))
    assert summary(candles(rows=[], problem="TWS: no permission")) == "TWS: no permission"
    assert "no candles of AAPL" in summary(candles(rows=[]))


async def test_the_page_has_a_table_and_all_who_look_share_one_question(redis_url: str, session: str) -> None:
    asked: list[str] = []
    told = answering(candles(name=HOSTILE, problem=HOSTILE).model_dump(mode="json"))

    async def count(*request: Any) -> Any:
        asked.append("once")
        return await told(*request)

    async with worker(redis_url, session, {"get_candles": count}, READY), console(redis_url, session) as visitor:
        strangers = [await visitor.get(f"/contracts/265598{path}") for path in ("", "/candles.json")]
        await visitor.sign_in()
        page = (await visitor.get("/contracts/265598")).text
        whole = (await visitor.get("/contracts/265598/candles.json?span=day")).json()
        rest = (await visitor.get("/contracts/265598/candles.json?span=day&since=1749652500")).json()

    assert "Passphrase" in strangers[0].text
    assert strangers[1].status_code == 401
    assert "<img" not in page
    for text in ('data-candles="265598"', "2025-06-11 14:30", "202.50", "1,000", "−1.49 %", "Not kept up to date"):
        assert text in page
    assert ([row[0] for row in whole["rows"]], [row[0] for row in rest["rows"]]) == (
        [1749652200, 1749652500], [1749652500],
    )  # fmt: skip
    assert len(asked) == 1


@pytest.mark.parametrize(("path", "status"), [("", 200), ("/candles.json", 503)])
async def test_what_the_worker_refuses_is_said(redis_url: str, session: str, path: str, status: int) -> None:
    async def refuse(*_: Any) -> Any:
        raise ToolError("not_found", "TWS has no contract with conId 7.")

    async with worker(redis_url, session, {"get_candles": refuse}, READY), console(redis_url, session) as visitor:
        await visitor.sign_in()
        answer = await visitor.get(f"/contracts/7{path}")

    assert answer.status_code == status
    assert "TWS has no contract with conId 7." in answer.text
