"""The same seed and key are the same numbers, in any order of asking, and no other's."""

from __future__ import annotations

from ibgateway.simulator.world.market.tapes.rng import fraction, stream


def test_a_key_has_its_own_stream_whenever_it_is_asked_for() -> None:
    first, other = stream(1, "AAPL", 7).random(5).tolist(), stream(1, "IBM", 7).random(5).tolist()

    assert stream(1, "AAPL", 7).random(5).tolist() == first
    assert first != other
    assert stream(2, "AAPL", 7).random(5).tolist() != first


def test_keys_that_read_alike_when_put_together_differ() -> None:
    assert fraction(1, "ab", "c") != fraction(1, "a", "bc")
    assert fraction(1, 12) != fraction(11, 2)


def test_fractions_are_spread_over_the_whole_from_0_to_below_1() -> None:
    numbers = [fraction(1, number) for number in range(1000)]

    assert all(0 <= each < 1 for each in numbers)
    assert 0.45 < sum(numbers) / 1000 < 0.55
    assert len(set(numbers)) == 1000


def test_a_seed_gives_the_same_market_in_every_release() -> None:
    assert fraction(1, "AAPL", 7) == 0.13242503267129135
