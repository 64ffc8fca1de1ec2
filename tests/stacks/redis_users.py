"""Redis users with each service's rights and no more, on the tests' own server."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from bridge.bus.access import SERVICES, Service, rules
from bridge.bus.transport.pipeline import CommandPipeline
from tests.stacks.timing import waits_at

PASSWORD = "a-long-password"


def words(text: str) -> list[str]:
    """Return rules as ACL SETUSER takes them: a selector in brackets is one word."""
    plain, *selectors = text.split("(")
    return [*plain.split(), *(f"({each.split(')')[0]})" for each in selectors)]


@asynccontextmanager
async def redis_users(
    redis_url: str, session: str, services: Iterable[Service] = SERVICES
) -> AsyncIterator[dict[Service, str]]:
    """Each service's address, with a user of its own."""
    services = tuple(services)
    prefix = session.replace("*", "any")
    async with CommandPipeline(redis_url, waits_at(redis_url)) as admin:
        for each in services:
            user = (f"{prefix}-{each}", "reset", "on", f">{PASSWORD}")
            await admin.send("ACL", "SETUSER", *user, *words(rules(each, session)))
        yield {each: redis_url.replace("//", f"//{prefix}-{each}:{PASSWORD}@", 1) for each in services}
        for each in services:
            await admin.send("ACL", "DELUSER", f"{prefix}-{each}")
