"""The session on a page: whose money it is, in words and colour, and nothing that no worker has said lately."""

import pytest

from bridge.bus.client.client import BusClient
from console.live.overview import overview
from tests.stacks.console import console
from tests.stacks.front import READY, worker
from tests.stacks.timing import PATIENT


@pytest.mark.parametrize(
    ("mode", "simulated", "shown", "colour"),
    [
        ("live", False, "Live: real money", "money-live"),
        ("paper", False, "Paper", "money-paper"),
        (
            "live",
            True,
            'Simulated: no real money <span class="as">live mode</span>',
            "money-simulated",
        ),
        (None, None, "Mode unknown", "money-unknown"),
    ],
)
async def test_a_page_shows_whose_money_it_is(
    redis_url: str, session: str, mode: str | None, simulated: bool | None, shown: str, colour: str
) -> None:
    status = READY.model_copy(update={"mode": mode, "simulated": simulated})
    async with worker(redis_url, session, {}, status), console(redis_url, session) as visitor:
        await visitor.sign_in()
        page = (await visitor.get()).text

    assert f'<p class="mode">{shown}</p>' in page
    assert f'class="band {colour}"' in page
    assert "state-ready" in page


async def test_a_session_without_a_worker_is_not_said_to_be_ready(redis_url: str, session: str) -> None:
    async with console(redis_url, session) as visitor:
        async with worker(redis_url, session, {}):
            await visitor.sign_in()
        page = (await visitor.get()).text

    assert "state-ready" not in page
    assert "Mode unknown" in page
    assert "No worker serves this session; the last status is" in page


async def test_what_is_shown_is_on_one_line_each(redis_url: str, session: str) -> None:
    status = READY.model_copy(update={"state": "failed", "cause": "a\nb\u202ec", "remedy": "x" * 1000})
    async with worker(redis_url, session, {}, status), BusClient(redis_url, session, "console-1", PATIENT) as bus:
        shown = await overview(bus)

    assert (shown.state, shown.cause, shown.money) == ("failed", "a b c", "paper")
    assert len(shown.remedy) == 400


async def test_a_person_may_stop_that_the_page_is_read_anew(redis_url: str, session: str) -> None:
    """Each time the keyboard's focus begins again (WCAG 2.2.2)."""
    async with console(redis_url, session) as visitor:
        usual = await visitor.sign_in()
        still = await visitor.get("/?still=1")

    assert 'http-equiv="refresh"' in usual.text
    assert 'href="?still=1"' in usual.text
    assert 'http-equiv="refresh"' not in still.text
