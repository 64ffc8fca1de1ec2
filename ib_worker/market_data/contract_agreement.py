"""Compares a contract with the arguments that describe it: each given argument must agree. Pure."""

from collections.abc import Callable

import ib_async

from bridge.text.contract_name import bare_name, contract_name, goes_by
from bridge.text.numbers import digits
from bridge.tool import ToolError
from bridge.tools.types import ContractArguments
from ib_worker.tws.values.convert import SMART
from ib_worker.tws.values.text import comma_list

OLD_NAMES = {"ISLAND": "NASDAQ"}  # TWS has renamed the exchange, and still takes the old name
Test = Callable[[ContractArguments, ib_async.ContractDetails, ib_async.Contract], bool]


def require_agreement(asked: ContractArguments, found: ib_async.ContractDetails) -> None:
    """Raise ToolError invalid_arguments that names what was given, what the contract has, and what to do."""
    wrong = contradictions(asked, found)
    contract = found.contract or ib_async.Contract()
    if not wrong:
        return
    has = ", ".join(f"{name} {_told(name, contract, found)}" for name in wrong)
    spare = "conId" if asked.conId else "it" if len(wrong) == 1 else "them"
    who = f"conId {asked.conId}" if asked.conId else "what TWS finds"
    raise ToolError(
        "invalid_arguments",
        f"{wrong[0]}: {who} is {contract_name(contract)}, with {has}, which differs from the arguments. Correct "
        f"{' and '.join(wrong)}, or leave {spare} out. Nothing was sent.",
        fields=wrong,
        contract=contract_name(contract),
    )


def contradictions(asked: ContractArguments, found: ib_async.ContractDetails) -> list[str]:
    """The arguments that were given and that are not the contract's."""
    contract = found.contract or ib_async.Contract()
    ignored = TERMS if contract.secType in PLACED else (*TERMS, "primaryExchange")
    tests = TESTS if asked.conId else {name: TESTS[name] for name in ignored}
    return [name for name, agrees in tests.items() if _given(asked, name) and not agrees(asked, found, contract)]


def _given(asked: ContractArguments, name: str) -> bool:
    return name in asked.model_fields_set and getattr(asked, name) is not None


def _symbol(asked: ContractArguments, found: ib_async.ContractDetails, contract: ib_async.Contract) -> bool:
    return goes_by(contract, asked.symbol) or asked.symbol == found.cusip


def _expiry(asked: ContractArguments, found: ib_async.ContractDetails, contract: ib_async.Contract) -> bool:
    """A future has a contract month and a last day of trading, which may lie in the month before."""
    wanted = asked.lastTradeDateOrContractMonth or ""
    told = (contract.lastTradeDateOrContractMonth, found.realExpirationDate, found.contractMonth)
    return wanted in [each[: len(wanted)] for each in told]


def _exchange(asked: ContractArguments, found: ib_async.ContractDetails, contract: ib_async.Contract) -> bool:
    """SMART leaves the way to TWS."""
    wanted = OLD_NAMES.get(asked.exchange, asked.exchange)
    return wanted == SMART or wanted in (contract.exchange, *comma_list(found.validExchanges))


def _primary(asked: ContractArguments, found: ib_async.ContractDetails, contract: ib_async.Contract) -> bool:
    wanted = OLD_NAMES.get(asked.primaryExchange or "", asked.primaryExchange)
    if contract.primaryExchange:
        return wanted == OLD_NAMES.get(contract.primaryExchange, contract.primaryExchange)
    return wanted in (contract.exchange, *comma_list(found.validExchanges))


def _number(written: object) -> float | None:
    try:
        return float(str(written))
    except ValueError:
        return None


def _sec_id(asked: ContractArguments, found: ib_async.ContractDetails, contract: ib_async.Contract) -> bool:
    """A number of a kind that TWS does not tell contradicts nothing. An American ISIN has the CUSIP in it."""
    numbers = {each.tag: each.value for each in found.secIdList or []}
    numbers |= {"CUSIP": found.cusip} if found.cusip else {}
    isin = numbers.get("ISIN", "")
    numbers |= {"CUSIP": isin[2:11]} if isin[:2] in ("US", "CA") and "CUSIP" not in numbers else {}
    return numbers.get(asked.secIdType or "", asked.secId) == asked.secId


TESTS: dict[str, Test] = {
    "symbol": _symbol,
    "secType": lambda asked, _, contract: asked.secType == contract.secType,
    "lastTradeDateOrContractMonth": _expiry,
    "strike": lambda asked, _, contract: abs((asked.strike or 0) - contract.strike) < 1e-6,
    "right": lambda asked, _, contract: contract.right[:1] == asked.right,
    "multiplier": lambda asked, _, contract: _number(asked.multiplier) == _number(contract.multiplier),
    "currency": lambda asked, _, contract: asked.currency == contract.currency,
    "exchange": _exchange,
    "primaryExchange": _primary,
    "localSymbol": lambda asked, _, contract: bare_name(asked.localSymbol or "") == bare_name(contract.localSymbol),
    "tradingClass": lambda asked, _, contract: asked.tradingClass == contract.tradingClass,
    "secId": _sec_id,
}
# Without a conId TWS itself looks by symbol, type, currency and exchange; what it ignores for a type is seen here.
PLACED = ("STK", "BOND")  # TWS itself finds these by their primaryExchange
TERMS = ("lastTradeDateOrContractMonth", "strike", "right", "multiplier")


def _told(name: str, contract: ib_async.Contract, found: ib_async.ContractDetails) -> str:
    if name == "exchange":
        return f"on {', '.join(comma_list(found.validExchanges)[:8]) or contract.exchange}"
    if name == "secId":
        return " and ".join(f"{each.tag} {each.value}" for each in found.secIdList or []) or found.cusip
    told = getattr(contract, name)
    return digits(told) if isinstance(told, float) and told else str(told or "none")
