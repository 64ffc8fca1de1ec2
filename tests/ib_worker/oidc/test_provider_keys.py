"""The provider's keys: read from it or from a file, within bounds, and not asked for too often."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ib_worker.oidc.provider_keys import KeysUnavailable, ProviderKeys, keys_in
from tests.stacks.oidc import provider
from tests.waiting import until

ISSUER = "https://issuer.example"
AGAIN_S = 30.0


async def test_the_provider_is_asked_once_for_keys_that_are_there_or_not() -> None:
    with provider() as made:
        keys = ProviderKeys(made.issuer, None, AGAIN_S)
        found = [await keys.of(kid) for kid in ("one", "", "unknown", "unknown")]

    assert [len(each) for each in found] == [1, 1, 0, 0]
    assert made.asked == ["/.well-known/openid-configuration", "/keys"]


async def test_keys_that_cannot_be_read_are_asked_for_again_later_and_said_once(tmp_path: Path) -> None:
    keys = ProviderKeys(ISSUER, tmp_path / "none.json", AGAIN_S)
    with capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(KeysUnavailable, match=r"none\.json"):
                await keys.of("one")

    assert [each["event"] for each in lines] == ["oidc_unreachable"]


async def test_metadata_of_another_issuer_give_no_keys() -> None:
    with provider() as made:
        there, made.issuer = made.issuer, ISSUER
        keys = ProviderKeys(there, None, AGAIN_S)
        with pytest.raises(KeysUnavailable, match="its metadata are of the issuer"):
            await keys.of("one")


@pytest.mark.parametrize("document", [b"[]", b"{}", b'{"keys": []}', b"x", b'{"keys": "' + b"x" * 262_144])
def test_a_document_without_keys_or_without_end_is_refused(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        keys_in(document)


async def test_a_known_key_is_there_while_a_slow_provider_is_asked_for_another() -> None:
    with provider() as made:
        keys = ProviderKeys(made.issuer, None, again_s=0)
        await keys.of("one")
        made.answers.clear()
        looking = asyncio.create_task(keys.of("made-up"))
        await until(lambda: len(made.asked) > 2, "the provider is asked again")

        assert len(await keys.of("one")) == 1
        assert not looking.done()
        made.answers.set()
        assert await looking == []
