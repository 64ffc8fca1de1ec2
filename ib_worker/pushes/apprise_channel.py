"""Pushes by the library apprise, with the listed schemes alone. `channels` loads this module at its first use."""

import apprise

from ib_worker.pushes.target import BY_APPRISE
from ib_worker.pushes.webhook import PushFailed

TITLE = "IBKR"


def send(address: str, text: str) -> None:
    """Send a text. Raises PushFailed without the address."""
    if address.partition("://")[0] not in BY_APPRISE:
        raise PushFailed("a scheme that is not let in", lasting=True)
    asset = apprise.AppriseAsset(plugin_paths=[], storage_mode=apprise.PersistentStoreMode.MEMORY)
    service = apprise.Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    if service is None:
        raise PushFailed("apprise can't read the address", lasting=True)
    if not service.notify(body=text, title=TITLE):
        raise PushFailed("not taken")
