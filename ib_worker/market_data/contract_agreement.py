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


def require_agreement(arguments: ContractArguments, found: ib_async.ContractDetails) -> None:
    """Raise ToolError invalid_arguments that names what was given, what the contract has, and what to do."""
    wrong = contradictions(arguments, found)
    contract = found.contract or ib_async.Contract()
    if not wrong:
        return
    has = ", ".join(f"{name} {_told(name, contract, found)}" for name in wrong)
    spare = "conId" if arguments.conId else "it" if len(wrong) == 1 else "them"
    who = f"conId {arguments.conId}" if arguments.conId else "what TWS finds"
    raise ToolError(
        "invalid_arguments",
        f"{wrong[0]}: {who} is {contract_name(contract)}, with {has}, which differs from the arguments. Correct "
        f"{' and '.join(wrong)}, or leave {spare} out. Nothing was sent.",
        fields=wrong,
        contract=contract_name(contract),
    )


def contradictions(arguments: ContractArguments, found: ib_async.ContractDetails) -> list[str]:
    """The arguments that were given and that are not the contract's."""
    contract = found.contract or ib_async.Contract()
    ignored = TERMS if contract.secType in PLACED else (*TERMS, "primaryExchange")
    tests = TESTS if arguments.conId else {name: TESTS[name] for name in ignored}
    return [
        name for name, agrees in tests.items() if _given(arguments, name) and not agrees(arguments, found, contract)
    ]


def _given(arguments: ContractArguments, name: str) -> bool:
    return name in arguments.model_fields_set and getattr(arguments, name) is not None


def _symbol(arguments: ContractArguments, found: ib_async.ContractDetails, contract: ib_async.Contract) -> bool:
    return goes_by(contract, arguments.symbol) or arguments.symbol == found.cusip


def _expiry(arguments: ContractArguments, found: ib_async.ContractDetails, contract: ib_async.Contract) -> bool:
    """A future has a contract month and a last day of trading, which may lie in the month before."""
    wanted = arguments.lastTradeDateOrContractMonth or ""
    told = (contract.lastTradeDateOrContractMonth, found.realExpirationDate, found.contractMonth)
    return wanted in [each[: len(wanted)] for each in told]


def _exchange(arguments: ContractArguments, found: ib_async.ContractDetails, contract: ib_async.Contract) -> bool:
    """SMART leaves the way to TWS."""
    wanted = OLD_NAMES.get(arguments.exchange, arguments.exchange)
    return wanted == SMART or wanted in (contract.exchange, *comma_list(found.validExchanges))


def _primary(arguments: ContractArguments, found: ib_async.ContractDetails, contract: ib_async.Contract) -> bool:
    wanted = OLD_NAMES.get(arguments.primaryExchange or "", arguments.primaryExchange)
    if contract.primaryExchange:
        return wanted == OLD_NAMES.get(contract.primaryExchange, contract.primaryExchange)
    return wanted in (contract.exchange, *comma_list(found.validExchanges))


def _number(written: object) -> float | None:
    try:
        return float(str(written))
    except ValueError:
        return None


def _sec_id(arguments: ContractArguments, found: ib_async.ContractDetails, contract: ib_async.Contract) -> bool:
    """A number of a kind that TWS does not tell contradicts nothing. An American ISIN has the CUSIP in it."""
    numbers = {each.tag: each.value for each in found.secIdList or []}
    numbers |= {"CUSIP": found.cusip} if found.cusip else {}
    isin = numbers.get("ISIN", "")
    numbers |= {"CUSIP": isin[2:11]} if isin[:2] in ("US", "CA") and "CUSIP" not in numbers else {}
    return numbers.get(arguments.secIdType or "", arguments.secId) == arguments.secId


TESTS: dict[str, Test] = {
    "symbol": _symbol,
    "secType": lambda arguments, _, contract: arguments.secType == contract.secType,
    "lastTradeDateOrContractMonth": _expiry,
    "strike": lambda arguments, _, contract: abs((arguments.strike or 0) - contract.strike) < 1e-6,
    "right": lambda arguments, _, contract: contract.right[:1] == arguments.right,
    "multiplier": lambda arguments, _, contract: _number(arguments.multiplier) == _number(contract.multiplier),
    "currency": lambda arguments, _, contract: arguments.currency == contract.currency,
    "exchange": _exchange,
    "primaryExchange": _primary,
    "localSymbol": lambda arguments, _, contract: (
        bare_name(arguments.localSymbol or "") == bare_name(contract.localSymbol)
    ),
    "tradingClass": lambda arguments, _, contract: arguments.tradingClass == contract.tradingClass,
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
