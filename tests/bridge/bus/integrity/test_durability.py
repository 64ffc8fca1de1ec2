"""Redis' own settings tell whether its data survive a restart; a setting that is not shown is unknown."""

import pytest

from bridge.bus.integrity.durability import read_durability
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.bus import pipe_to

SETTINGS = [
    (("appendfsync", "always"), "every write", True, ""),
    (("appendfsync", "everysec"), "but the last second", True, "loses a second"),
    (("appendfsync", "no"), "not", False, "appendfsync is no"),
    (("appendonly", "no"), "not", False, "appendonly is no"),
    (("maxmemory", "500mb", "maxmemory-policy", "allkeys-lru"), "not", False, "maxmemory-policy is allkeys-lru"),
]


@pytest.mark.parametrize(("settings", "kept", "suffices", "why"), SETTINGS)
async def test_each_setting_has_its_verdict(
    own_redis: EmbeddedRedis, settings: tuple[str, ...], kept: str, suffices: bool, why: str
) -> None:
    async with pipe_to(own_redis.url) as pipe:
        for name, value in zip(settings[::2], settings[1::2], strict=True):
            await pipe.send("CONFIG", "SET", name, value)

        found = await read_durability(pipe)

    assert (found.kept, found.suffices) == (kept, suffices)
    assert why in found.why


@pytest.mark.parametrize("rule", ["-info", "-config"])
async def test_a_user_who_may_not_ask_gets_no_verdict(own_redis: EmbeddedRedis, rule: str) -> None:
    async with pipe_to(own_redis.url) as pipe:
        await pipe.send("ACL", "SETUSER", "desk", "on", "nopass", "~*", "+@all", rule)
        await pipe.send("AUTH", "desk", "any")

        found = await read_durability(pipe)

    assert (found.kept, found.suffices) == ("unknown", False)
    assert "refused" in found.why or "not told" in found.why
