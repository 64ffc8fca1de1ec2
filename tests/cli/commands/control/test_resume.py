"""`resume`: what is not set is not released."""

import pytest

from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.operator_commands import led, typed


async def test_releasing_what_is_not_set_is_no_success(
    own_redis: EmbeddedRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "demo")

    status = await typed(own_redis, "resume", "--session", "demo")

    assert status == 1
    assert "demo: the kill switch is not set" in capsys.readouterr().err
