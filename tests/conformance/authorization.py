"""The suite's scenarios of authorization servers, against the console: a plain HTTP client is the person's browser."""

import asyncio
import re
from urllib.parse import urlsplit

import httpx

from cli.local_stack.embedded_redis import free_port
from tests.conformance.installation import MODULES, node
from tests.hosts.sign_in import OPERATOR, add_person
from tests.hosts.stack import Stack, running
from tests.stacks.console import Visitor
from tests.stacks.oauth import Host

WITHIN_S = 120.0
SUITE = MODULES / "conformance-next" / "dist" / "index.js"
SHOWN = re.compile(rb"(http://127\.0\.0\.1:\d+/authorize\?\S+)\s")


async def played() -> tuple[str, list[str]]:
    """Return a line with the suite's own figures, and its output where a check failed."""
    async with running(console=True, documents=True) as stack:
        await add_person(stack)
        said, status = await _run(stack)
    figures = re.findall(r"Total: (.+)", said)
    return f"authorization server: {figures[0] if figures else 'no figures'}", [] if status == 0 else [said[-2000:]]


async def _run(stack: Stack) -> tuple[str, int]:
    port = free_port()
    browser = Visitor(stack.console)
    host = Host(browser, redirect=f"http://127.0.0.1:{port}/callback", resource=stack.url)
    await host.register()
    process = await asyncio.create_subprocess_exec(
        node(), str(SUITE), "authorization", "--url", stack.console, "--client-id", host.client_id,
        "--port", str(port), "--resource", stack.url,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, answered = b"", False
    assert process.stdout is not None
    try:
        async with asyncio.timeout(WITHIN_S):
            while chunk := await process.stdout.read(4096):
                said += chunk
                if not answered and (shown := SHOWN.search(said)):
                    answered = True
                    await _answer(host, shown[1].decode())
            await process.wait()
    finally:
        await browser.http.aclose()
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said.decode(errors="replace"), process.returncode or 0


async def _answer(host: Host, url: str) -> None:
    """Sign in, consent, and follow the redirect to the suite."""
    await host.browser.sign_in(OPERATOR)
    place = urlsplit(url)
    told = await host.consent(path=f"{place.path}?{place.query}")
    callback = told.pop("to")
    async with httpx.AsyncClient() as http:
        await http.get(callback, params=told)
