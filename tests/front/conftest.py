"""One real Redis for all tests of the front; each test has a session of its own in it."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cli.embedded_redis import EmbeddedRedis, free_port


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def redis_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    folder: Path = tmp_path_factory.mktemp("redis")
    async with EmbeddedRedis(folder, free_port()) as redis:
        yield redis.url


@pytest.fixture
def session() -> str:
    return f"t{secrets.token_hex(6)}"
