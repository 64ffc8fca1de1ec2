"""Random numbers by name: the same seed and key always give the same stream, in any order of asking."""

from __future__ import annotations

from hashlib import blake2b

from numpy.random import Generator, Philox


def stream(seed: int, *key: object) -> Generator:
    """A counter-based generator of its own for each key."""
    digest = blake2b("\x1f".join([str(seed), *map(str, key)]).encode(), digest_size=16).digest()
    return Generator(Philox(key=int.from_bytes(digest, "big")))


def fraction(seed: int, *key: object) -> float:
    """One number in [0, 1), without making a generator."""
    digest = blake2b("\x1f".join([str(seed), *map(str, key)]).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
