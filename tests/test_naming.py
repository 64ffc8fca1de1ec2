"""Docstrings open with their subject or a verb, and a class name stands once."""

import re
from collections import Counter

import pytest

from tests.architecture.source import PRODUCT, class_names, docstrings, name_of, sources

INDIRECT_OPENING = re.compile(r"\W*(what|which|who|whoever|whether|how|where|until|that|of)\b", re.IGNORECASE)
# TWS's own nouns, which the simulator, a reading of its own, has as well as the product.
BOTH_READINGS = {
    "CalculateImpliedVolatility", "CalculateOptionPrice", "CancelOrder", "Contract", "ContractDetails", "Execution",
    "OrderState", "PlaceOrder", "PriceIncrement",
}  # fmt: skip


# The front and the console bound what one address may hold, each for its own connections and on its own terms.
IN_BOTH_SERVERS = {"AddressShares"}


@pytest.mark.parametrize("package", [*PRODUCT, "benchmarks"])
def test_a_docstring_begins_with_its_subject_or_a_verb(package: str) -> None:
    wrong = {
        f"{name_of(path)}: {text.splitlines()[0]}"
        for path in sources(package)
        for text in docstrings(path)
        if INDIRECT_OPENING.match(text)
    }

    assert not wrong


def test_a_class_name_stands_once_in_the_product() -> None:
    counted = Counter(class_names("bridge", "cli", "console", "ib_worker", "mcp_front"))

    assert {name for name, count in counted.items() if count > 1} == IN_BOTH_SERVERS


def test_the_simulator_shares_only_names_of_tws_with_the_product() -> None:
    product, simulator = class_names("bridge", "cli", "ib_worker", "mcp_front"), class_names("ibgateway")

    assert {name for name, count in Counter(simulator).items() if count > 1} == set()
    assert set(product) & set(simulator) == BOTH_READINGS
