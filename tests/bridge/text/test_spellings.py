"""Human forms with one meaning become TWS's spelling; a form with two meanings stays, and is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from bridge.tools.types import (  # fmt: skip
    ContractArguments,
)


@pytest.mark.trial("D2")
@pytest.mark.parametrize(
    ("field", "written", "normal"),
    [
        *(("lastTradeDateOrContractMonth", written, "20250620") for written in (
            "2025-06-20", "2025/6/20", "20250620", 20250620, "20 June 2025", "June 20, 2025", "20JUN25", "20-Jun-2025",
            "Jun 20 2025", "JUN20'25", "2025-06-20T00:00:00Z", "20250620-08:30:00 US/Central", "20/06/2025",
            "06/20/2025", "6/20/25", "20.6.2025", " 2025-06-20 ", "20th June 2025",
        )),
        *(("lastTradeDateOrContractMonth", written, "202509") for written in (
            "202509", 202509, "2025-09", "SEP25", "Sep 2025", "September 2025", "sep'25", "SEPT 2025", "09/2025",
            "2025 Sep",
        )),
        ("symbol", " aapl ", "AAPL"), ("symbol", "Aapl", "AAPL"), ("symbol", "VODl", "VODl"),
        ("secType", "option", "OPT"), ("secType", "stk", "STK"), ("secType", "Forex", "CASH"),
        ("secType", "ETF", "STK"),
        ("exchange", "smart", "SMART"), ("primaryExchange", "Nasdaq", "NASDAQ"), ("currency", "eur", "EUR"),
        ("right", "CALL", "C"), ("right", "Put", "P"), ("right", "c", "C"),
        ("multiplier", 100, "100"), ("multiplier", 100.0, "100"), ("multiplier", "0.1", "0.1"),
        ("strike", "400", 400.0), ("conId", "265598", 265598),
    ],
)  # fmt: skip
def test_a_contract_in_a_human_form_with_one_meaning(field: str, written: Any, normal: Any) -> None:
    base = {"symbol": "X"} | ({"secType": "OPT"} if field != "secType" else {})

    asked = ContractArguments.model_validate(base | {field: written})

    assert getattr(asked, field) == normal
    assert ContractArguments.model_validate(asked.model_dump(exclude_unset=True)) == asked


@pytest.mark.trial("D2")
def test_a_date_with_two_meanings_is_refused_with_the_form_to_use() -> None:
    for written in ("05/06/2025", "5.6.2025", "20/06/25"):
        with pytest.raises(ValidationError, match="the month or the year may come first here: write YYYYMMDD"):
            ContractArguments.model_validate({"symbol": "X", "secType": "OPT", "lastTradeDateOrContractMonth": written})
