"""A key per outside system and direction: made, shown, rotated while both are good, and retired."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from bootstrap import keys, outside, party_keys
from bootstrap.party_keys import PARTIES, REPORTS
from bootstrap.settings import Settings
from bootstrap.store import database
from bootstrap.words import Problem
from cli.app import app
from gateways.errors import GatewayRefused, ReportRefused
from gateways.http import SignedChannel
from gateways.signatures import key_id, require_signature
from simulators.__main__ import PROGRAMS
from simulators.outlet import Outlet
from simulators.program import Program, Setup
from simulators.signatures import outlet_secret, signature

CALLS = {
    "issuer": "/v1/cards/inquire", "pos": "/v1/stores/check", "outlet": "/v1/confirmations", "fx": "/v1/rates/lock",
    "messages": "/v1/messages",
}  # fmt: skip
SIMULATED: dict[str, type[Program]] = {program.name: program for program in PROGRAMS if program.name in PARTIES}
OLD = "the one secret that all of them know"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of an installation of its own, as this process's commands read them too."""
    monkeypatch.setenv("CARDLOOP_HOME", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C")
    return Settings()


@pytest.fixture
def made(place: Settings) -> Settings:
    keys.ensure(place)
    return place


@pytest.fixture
def from_before(place: Settings) -> Settings:
    """An installation that was made when one secret served all."""
    place.keys.mkdir(parents=True)
    place.shared_secret_file.write_text(OLD)
    return place


def kept(settings: Settings, party: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(party_keys.path_of(settings, party).read_text())
    return found


def command(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    if done.exception is not None:
        raise done.exception
    return done.output


async def answer(settings: Settings, party: str, signed_with: str) -> str:
    """What the simulator of a party says to a call: `refused` by its signature, or `understood`, whatever it thinks of it."""
    program = SIMULATED[party](Setup(outside_keys=settings.outside_keys))
    transport = httpx.ASGITransport(program.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as client:
        try:
            await SignedChannel(party, client, lambda: signed_with).post(CALLS[party], {})
        except GatewayRefused as refused:
            return "refused" if refused.code == "signature" else "understood"
    return "understood"


def test_each_party_has_a_key_of_its_own_and_reports_another(made: Settings) -> None:
    secrets = [kept(made, party)["current"] for party in (*PARTIES, REPORTS)]
    assert len(set(secrets)) == len(secrets)
    assert {path.stat().st_mode & 0o777 for path in made.outside_keys.iterdir()} == {0o600}
    assert not made.shared_secret_file.exists()
    assert party_keys.sharing(made) == []


@pytest.mark.parametrize("party", PARTIES)
async def test_a_party_takes_calls_by_its_own_key_and_by_no_other_s_or_direction_s(made: Settings, party: str) -> None:
    signed_with = {other: kept(made, other)["current"] for other in (*PARTIES, REPORTS)}
    taken = [other for other, secret in signed_with.items() if await answer(made, party, secret) == "understood"]
    assert taken == [party]


async def test_our_own_key_to_the_outlets_signs_no_report(made: Settings) -> None:
    """Their reports come by the keys of the other direction."""
    theirs = outlet_secret(kept(made, REPORTS)["current"], "outlet-1")
    body, headers = Outlet(Setup(outside_keys=made.outside_keys))._signed({"outlet_id": "outlet-1"}, genuine=True)
    require_signature("outlet", [theirs], body, headers["X-Cardloop-Signature"])
    ours = kept(made, "outlet")["current"]
    for forged in (ours, outlet_secret(ours, "outlet-1")):
        with pytest.raises(ReportRefused):
            require_signature("outlet", [theirs], body, signature(forged, body))


async def test_during_a_rotation_both_keys_are_good_and_afterwards_the_new_one_alone(made: Settings) -> None:
    signing = keys.load(made).signing("issuer")
    old = signing()
    printed = command("keys", "rotate", "issuer")
    new = kept(made, "issuer")["next"]
    assert new != old == signing(), "the party has not got the new key yet"
    assert [await answer(made, "issuer", secret) for secret in (old, new)] == ["understood"] * 2
    printed += command("keys", "switch", "issuer")
    assert signing() == new, "a process that runs signs with it at once"
    assert [await answer(made, "issuer", secret) for secret in (old, new)] == ["understood"] * 2
    printed += command("keys", "list")
    assert f"issuer: current {key_id(new)}, previous {key_id(old)}" in printed
    printed += command("keys", "retire", "issuer")
    assert [await answer(made, "issuer", secret) for secret in (old, new)] == ["refused", "understood"]
    assert kept(made, "issuer") == {"current": new}
    assert old not in printed
    assert new not in printed


def test_no_step_of_a_rotation_can_be_skipped_or_begun_twice(made: Settings) -> None:
    for step, why in (("switch", "no next key"), ("retire", "no key of issuer to retire")):
        with pytest.raises(Problem, match=why):
            command("keys", step, "issuer")
    command("keys", "rotate", "issuer")
    with pytest.raises(Problem, match="no key of issuer to retire"):
        command("keys", "retire", "issuer")
    with pytest.raises(Problem, match="being rotated already"):
        command("keys", "rotate", "issuer")
    with pytest.raises(Problem, match="outside systems are"):
        command("keys", "rotate", "alipay")


async def test_a_call_names_the_key_that_signed_it() -> None:
    def said(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"key": request.headers["x-cardloop-key"]})

    async with httpx.AsyncClient(transport=httpx.MockTransport(said), base_url="http://partner") as client:
        reply = await SignedChannel("fx", client, lambda: "secret").get("/", "r1")
    assert reply.fields["key"] == key_id("secret")


@pytest.mark.parametrize("demo", [True, False])
async def test_installation_with_one_secret_keeps_it_until_each_party_has_its_own(
    from_before: Settings, demo: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARDLOOP_DEMO", str(demo).lower())
    settings = Settings()
    if demo:
        keys.ensure(settings)
        assert kept(settings, REPORTS) == {"current": OLD}, "its outlets made their secrets from it"
    else:
        with pytest.raises(Problem, match=r"keyring\.json"):  # Which this one lost.
            keys.ensure(settings)
    assert {kept(settings, party)["current"] for party in PARTIES} == {OLD}
    assert party_keys.sharing(settings) == list(PARTIES)
    command("keys", "rotate", "fx")
    command("keys", "switch", "fx")
    assert party_keys.sharing(settings) == [party for party in PARTIES if party != "fx"]
    command("keys", "retire", "fx")
    assert await answer(settings, "fx", OLD) == "refused"
    assert "issuer: current" in command("keys", "list")
    assert "shared with others" in command("keys", "list")


def test_a_process_that_has_only_the_old_file_signs_with_it_and_says_so(from_before: Settings) -> None:
    with capture_logs() as logs:
        assert keys.Secrets(from_before).signing("issuer")() == OLD
    assert [one["event"] for one in logs] == ["one_secret_for_all_parties"]
    assert OLD not in str(logs)


def test_a_process_starts_with_the_keys_of_those_whom_it_calls(made: Settings) -> None:
    for party in PARTIES:
        if party != "messages":
            party_keys.path_of(made, party).unlink()
    store = database(made)
    outside.build(made, keys.load(made), store, called=["messages"])
    with pytest.raises(Problem, match=r"issuer\.json is missing"):
        outside.build(made, keys.load(made), store)
    asyncio.run(store.dispose())


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"current": 7}', '{"current": "a", "other": "b"}'])
def test_damaged_file_is_reported(made: Settings, content: str) -> None:
    party_keys.path_of(made, "pos").write_text(content)
    with pytest.raises(Problem, match="damaged"):
        keys.load(made).signing("pos")()
