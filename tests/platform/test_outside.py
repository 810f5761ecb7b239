"""What the outside is built from: nothing but a setting of its own lets a webhook into a private network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bootstrap import keys, outside
from bootstrap.settings import Settings
from bootstrap.store import database
from gateways.errors import GatewayRefused, GatewayUnavailable
from tests.builders.provider_keys import lay_their_keys


def world(home: Path, **changes: object) -> outside.Outside:
    given: dict[str, Any] = {"home": home, **changes}
    settings = Settings(**given)
    keys.ensure(settings)
    lay_their_keys(settings)
    return outside.build(settings, keys.load(settings), database(settings))


async def test_not_even_the_demo_delivers_webhooks_into_a_private_network(tmp_path: Path) -> None:
    webhooks = world(tmp_path, demo=True).webhooks
    for url, why in (("http://127.0.0.1:1/", "insecure_url"), ("https://127.0.0.1:1/", "private_address")):
        with pytest.raises(GatewayRefused) as refused:
            await webhooks.deliver(url, "d1", "card.paid", {}, "secret")
        assert refused.value.code == why
    await webhooks.aclose()


async def test_the_setting_lets_them_in(tmp_path: Path) -> None:
    webhooks = world(tmp_path, webhooks_to_private_addresses=True).webhooks
    with pytest.raises(GatewayUnavailable):  # Nobody listens there, but it was tried.
        await webhooks.deliver("http://127.0.0.1:1/", "d1", "card.paid", {}, "secret")
    await webhooks.aclose()
