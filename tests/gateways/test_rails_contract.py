"""What every rail keeps, asked of all of them with the same words: of our stand-ins, and of a provider itself where the
environment has credentials for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from domain.finance.rails import Rail
from simulators.wechat_wire import KEY_ID
from tests.builders.rails import MERCHANT, OURS, Rails, rails_of
from tests.builders.world import APP_ID, APP_PRIVATE, World
from tests.gateways.rail_contract import ASSERTIONS, Assertion
from tests.gateways.rail_targets import ACCOUNTS, TARGETS, Can, Target, alipays_sandbox, stand_in, wechat_pay_itself


@pytest_asyncio.fixture(loop_scope="session")
async def rails(world: World, tmp_path: Path) -> AsyncIterator[Rails]:
    async with rails_of(world, tmp_path / "wechat") as made:
        yield made


@pytest_asyncio.fixture(loop_scope="session", params=list(TARGETS))
async def target(request: pytest.FixtureRequest, rails: Rails) -> AsyncIterator[Target]:
    async with TARGETS[request.param](rails) as one:
        yield one


@pytest.mark.parametrize("assertion", ASSERTIONS, ids=lambda one: one.name)
async def test_the_rail_keeps(target: Target, assertion: Assertion) -> None:
    target.require(*assertion.needs)
    await assertion.holds(target)


def _sandbox(monkeypatch: pytest.MonkeyPatch, provider: str, folder: Path, **given: str | bytes) -> None:
    """Name a provider's address, keys and payee as the environment does."""
    for name, value in given.items():
        if isinstance(value, bytes):
            (folder / name).write_bytes(value)
            value = str(folder / name)
        monkeypatch.setenv(f"CARDLOOP_SANDBOX_{provider}_{name}", value)


@pytest.mark.parametrize("assertion", ASSERTIONS, ids=lambda one: one.name)
@pytest.mark.parametrize("provider", ["ALIPAY", "WECHAT"])
async def test_what_is_asked_of_a_provider_is_kept_by_its_stand_in_in_its_place(
    rails: Rails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: str, assertion: Assertion
) -> None:
    """The way to a provider's sandbox is walked without credentials, too: with our stand-in at its address."""
    if provider == "ALIPAY":
        theirs = (await rails.world.alipay.plain.get("/public-key")).content
        _sandbox(
            monkeypatch, provider, tmp_path, URL=rails.world.alipay.address, APP_ID=APP_ID, OUR_KEY_FILE=APP_PRIVATE,
            THEIR_KEY_FILE=theirs, PAYEE=ACCOUNTS[Rail.ALIPAY], PAYEE_NAME="王芳",
        )  # fmt: skip
    else:
        theirs = (await rails.wechat.plain.get("/public-key")).content
        _sandbox(
            monkeypatch, provider, tmp_path, URL=rails.wechat.address, APP_ID="wx1", MERCHANT_ID=MERCHANT, SERIAL="AB12",
            OUR_KEY_FILE=OURS, KEY_ID=KEY_ID, THEIR_KEY_FILE=theirs, PAYEE=ACCOUNTS[Rail.WECHAT],
        )  # fmt: skip
    async with alipays_sandbox() if provider == "ALIPAY" else wechat_pay_itself() as one:
        one.require(*assertion.needs)
        await assertion.holds(one)


def test_every_assertion_is_asked_of_a_stand_in_at_least(rails: Rails) -> None:
    stand_ins = [stand_in(rails, rail) for rail in Rail]
    for assertion in ASSERTIONS:
        assert any(not set(assertion.needs) & set(one.cannot) for one in stand_ins), assertion.name
    assert {need for one in ASSERTIONS for need in one.needs} == set(Can)
