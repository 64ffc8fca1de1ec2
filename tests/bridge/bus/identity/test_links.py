"""A link signs in once, for some minutes, and not after a loss of data or its operator's sign-out."""

from bridge.bus.identity.links import make_link, use_link
from bridge.bus.identity.operators import Operator, add_operator
from bridge.bus.identity.sign_ins import end_sign_ins_of, sign_in_id, sign_ins, signed_in_operator, void_identities
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from tests.stacks.bus import pipe_to

CONSOLE = "https://console.example.org"
NOBODY = ("", "")


async def link_token(pipe: CommandPipeline, keys: Keys, lasts_ms: int = 60_000) -> str:
    await add_operator(pipe, keys, Operator("anna", "$argon2id$hash"))
    link = await make_link(pipe, keys, "anna", CONSOLE, lasts_ms)
    assert link.startswith(f"{CONSOLE}/link#")
    return link.partition("#")[2]


async def test_a_link_signs_in_once_and_redis_has_its_digest_alone(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        link = await link_token(pipe, keys)
        kept = await pipe.send("HGETALL", keys.sign_in_links)
        token, who = await use_link(pipe, keys, link, 60_000)
        again = await use_link(pipe, keys, link, 60_000)

        assert (who, await signed_in_operator(pipe, keys, token)) == ("anna", "anna")
        assert again == NOBODY
        assert [each.via for each in (await sign_ins(pipe, keys)).values()] == ["link"]
    assert kept[0].decode() == sign_in_id(link)
    assert link not in repr(kept)


async def test_a_link_is_no_sign_in_by_itself(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        link = await link_token(pipe, keys)

        assert await signed_in_operator(pipe, keys, link) == ""
        assert await use_link(pipe, keys, "guessed", 60_000) == NOBODY


async def test_a_link_is_void_after_its_time_a_loss_of_data_a_sign_out_and_a_removal(
    redis_url: str, session: str
) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        late = await link_token(pipe, keys, lasts_ms=0)
        lost = await link_token(pipe, keys)
        await void_identities(pipe, keys)
        ended = await link_token(pipe, keys)
        await end_sign_ins_of(pipe, keys, "anna")
        removed = await link_token(pipe, keys)
        await pipe.send("HDEL", keys.operators, "anna")
        new = await link_token(pipe, keys)  # of another person of that name

        assert [await use_link(pipe, keys, each, 60_000) for each in (late, lost, ended, removed)] == [NOBODY] * 4
        assert (await use_link(pipe, keys, new, 60_000))[1] == "anna"


async def test_nobody_has_no_link(redis_url: str, session: str) -> None:
    async with pipe_to(redis_url) as pipe:
        assert await make_link(pipe, Keys(session), "anna", CONSOLE) == ""
