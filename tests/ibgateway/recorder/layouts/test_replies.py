"""The layouts of a gateway's frames fit what it prints, at every version."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ibgateway.recorder.layouts.replies import REPLIES
from ibgateway.simulator.model import contracts as model_contracts
from ibgateway.simulator.model.contracts import BondDetails, ContractDetails
from ibgateway.simulator.model.orders import Execution
from ibgateway.simulator.wire.messages import contracts, orders, session
from tests.stacks.ibgateway.recorded_lines import named

VERSIONS = range(157, 201)
AAPL = model_contracts.Contract(265598, "AAPL", "STK", exchange="SMART", currency="USD")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_layouts_fit_executions_errors_and_contracts(version: int) -> None:
    execution = Execution(
        7, 42, AAPL, "e.01.01", 1749652200.0, "DU7", "IEX", "BOT", Decimal(1), 1.0, 9001, 0, Decimal(1), 1.0, "mine"
    )
    details = ContractDetails(AAPL, "NMS", 0.01, "LMT", "SMART", secIdList=(("ISIN", "US"),), stockType="COMMON")
    bond = BondDetails(cusip="912810", coupon=4.5)

    executed = named(REPLIES, version, orders.exec_details(version, 8, execution, "US/Eastern", "US/Eastern"))
    failed = named(REPLIES, version, session.error(version, 8, 200, "unknown", 1.0))
    found = named(REPLIES, version, contracts.contract_details(version, 8, details))
    lent = named(REPLIES, version, contracts.bond_details(version, 8, details, bond))

    assert (executed["reqId"], executed["execId"], executed["acctNumber"]) == ("8", "e.01.01", "DU7")
    assert (executed["permId"], executed["orderRef"]) == ("9001", "mine")
    assert (failed["id"], failed["errorCode"], failed["errorString"]) == ("8", "200", "unknown")
    assert (found["reqId"], found["conId"], found["stockType"]) == ("8", "265598", "COMMON")
    assert (lent["reqId"], lent["cusip"], lent["conId"]) == ("8", "912810", "265598")
