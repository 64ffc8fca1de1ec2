"""What a client asks too fast is refused, where pacing is switched on."""

from __future__ import annotations

import pytest

from ibgateway.simulator.gateway.limits import ClientPacing, GatewayLimits
from ibgateway.simulator.model.errors import Refusal


@pytest.fixture
def pacing() -> ClientPacing:
    return ClientPacing(GatewayLimits(messages_per_s=3, history_per_window=4, same_contract=3, paced=True))


def test_the_message_beyond_a_seconds_number_is_told_and_a_second_later_there_is_room(pacing: ClientPacing) -> None:
    told = [pacing.message(10.0 + number / 10) for number in range(4)]

    assert told[:3] == [None] * 3
    assert isinstance(told[3], Refusal)
    assert (told[3].code, "max=3 rec=4" in told[3].text) == (100, True)
    assert pacing.message(11.35) is None


def test_the_same_request_may_be_asked_again_after_15_seconds(pacing: ClientPacing) -> None:
    pacing.history(0.0, "bars", "AAPL", 1)

    with pytest.raises(Refusal, match="pacing violation") as refused:
        pacing.history(14.9, "bars", "AAPL", 1)
    assert refused.value.code == 162
    pacing.history(15.0, "bars", "AAPL", 1)


def test_a_contract_has_a_limit_of_its_own_within_two_seconds(pacing: ClientPacing) -> None:
    pacing.history(0.0, "first", "AAPL", 1)
    pacing.history(0.0, "second", "AAPL", 1)

    pacing.history(0.0, "other", "IBM", 1)
    with pytest.raises(Refusal):
        pacing.history(1.9, "third", "AAPL", 1)
    pacing.history(2.0, "third", "AAPL", 1)


def test_ten_minutes_have_room_for_so_much_weight(pacing: ClientPacing) -> None:
    pacing.history(0.0, "first", "AAPL", 2)
    pacing.history(5.0, "second", "IBM", 2)

    with pytest.raises(Refusal):
        pacing.history(599.0, "third", "SPY", 1)
    pacing.history(600.0, "third", "SPY", 2)


def test_a_refused_request_costs_nothing(pacing: ClientPacing) -> None:
    pacing.history(0.0, "first", "AAPL", 3)
    with pytest.raises(Refusal):
        pacing.history(1.0, "heavy", "IBM", 2)

    pacing.history(2.0, "light", "SPY", 1)


def test_nothing_is_refused_while_pacing_is_off() -> None:
    pacing = ClientPacing(GatewayLimits(messages_per_s=0, history_per_window=0))

    assert pacing.message(0.0) is None
    pacing.history(0.0, "bars", "AAPL", 1)
