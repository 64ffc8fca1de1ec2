"""A service runs on uvloop's loop, and ends with what it raises."""

import asyncio
import subprocess
import sys

import pytest

from bridge.runtime import event_loop


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop on Windows")
def test_a_service_runs_on_uvloop() -> None:
    program = (
        "import asyncio\nfrom bridge.runtime import event_loop\n"
        "async def service(): print(type(asyncio.get_running_loop()).__module__)\n"
        "event_loop.run(service())"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "uvloop"


def test_what_a_service_raises_is_raised() -> None:
    async def service() -> None:
        await asyncio.sleep(0)
        raise LookupError("ended")

    with pytest.raises(LookupError, match="ended"):
        event_loop.run(service())
