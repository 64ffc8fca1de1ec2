"""The tool that finds contracts: a stock in dollars until told otherwise, and no argument that is none."""

from bridge.tool import TOOLS, Effect
from bridge.tools.market.contracts import ContractDetails, GetContractDetails


def test_a_search_is_for_a_stock_until_told_otherwise_and_is_a_read_of_fifteen_seconds() -> None:
    declared = TOOLS["ibkr_get_contract_details"]

    assert GetContractDetails(symbol="X").secType == "STK"
    assert (declared.effect, declared.deadline_s, declared.toolset) == (Effect.READ, 15, "contracts")


def test_only_what_a_bond_has_may_be_left_out_of_an_answer() -> None:
    optional = {name for name, field in ContractDetails.model_fields.items() if not field.is_required()}

    assert optional == {"cusip", "coupon", "maturity"}
