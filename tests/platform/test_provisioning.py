"""An installation without the demo: its keys, first people, partners and outlets come from the command line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pyotp
import pytest
import pytest_asyncio
from sqlalchemy import select
from typer.testing import CliRunner

from bootstrap import keys, provisioning
from bootstrap.os_user import os_user
from bootstrap.party_keys import PARTIES
from bootstrap.settings import Settings
from bootstrap.words import Problem
from cli.app import app
from database.session import Database
from database.tables.cards import OutletRow
from database.tables.people import AuditRow, PartnerRow, PersonRow
from domain.identifiers import new_id
from domain.people.roles import Role
from domain.sealing import KeyRing
from services.people.partners import Partners
from services.people.passwords import ConsoleSignIn
from services.people.rate_limit import Origin
from services.people.totp import Totp
from tests.builders.provider_keys import lay_their_keys

PASSWORD = "correct horse battery"


@pytest.fixture
def installation(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a place without the demo, as this process's commands read them too."""
    monkeypatch.setenv("CARDLOOP_HOME", str(tmp_path))
    monkeypatch.setenv("CARDLOOP_DEMO", "false")
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("LC_ALL", "C")
    return Settings()


@pytest_asyncio.fixture
async def store(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.dispose()


@pytest.fixture
def keyed(installation: Settings) -> Settings:
    keys.make(installation)
    lay_their_keys(installation)
    return installation


async def rows(store: Database, table: Any, **wanted: object) -> list[Any]:
    async with store.transaction() as session:
        found = select(table).filter_by(**wanted).order_by(*table.__mapper__.primary_key)
        return list((await session.execute(found)).scalars())


async def said(*arguments: str, typed: str = "") -> str:
    """What a command that succeeds prints; it starts an event loop, so it runs in a thread."""
    done = await asyncio.to_thread(CliRunner().invoke, app, list(arguments), typed)
    assert done.exit_code == 0, done.output
    return done.output


def test_without_the_demo_nothing_is_made_up_and_the_sentence_names_the_command(installation: Settings) -> None:
    with pytest.raises(Problem, match="keys make"):
        keys.ensure(installation)


async def test_keys_are_made_for_their_owner_alone_and_never_printed(installation: Settings) -> None:
    printed = await said("keys", "make")
    keys.ensure(installation)
    files = [file for file in installation.keys.rglob("*") if file.is_file()]
    assert {file.name for file in files} == {
        keys.KEY_RING, keys.FORM_SECRET, *(f"{party}.json" for party in PARTIES), keys.ALIPAY_OURS, keys.ALIPAY_OURS_PUBLIC
    }  # fmt: skip
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    lines = {line for file in files for line in file.read_text().splitlines() if len(line) > 20}
    assert lines
    assert not [line for line in lines if line.strip() in printed]


async def test_a_second_make_changes_nothing(installation: Settings) -> None:
    await said("keys", "make")
    before = {file: file.read_bytes() for file in installation.keys.rglob("*") if file.is_file()}
    assert "nothing was changed" in await said("keys", "make")
    assert before == {file: file.read_bytes() for file in installation.keys.rglob("*") if file.is_file()}


async def test_a_rotated_ring_seals_with_a_new_key_and_opens_what_the_old_one_sealed(keyed: Settings) -> None:
    file = keyed.keys / keys.KEY_RING
    old = KeyRing.from_json(file.read_text())
    sealed = old.seal_text("123456", purpose="card", aad="card:1:pin")
    printed = await said("keys", "rotate")
    new = KeyRing.from_json(file.read_text())
    assert new.current != old.current
    assert new.current in printed
    assert new.open_text(sealed, purpose="card", aad="card:1:pin") == "123456"
    assert new.fingerprint("jd", "1") == old.fingerprint("jd", "1")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in keyed.keys.iterdir() if one.name.startswith(keys.KEY_RING)] == [keys.KEY_RING]


def test_missing_or_damaged_key_ring_is_reported_and_not_overwritten(installation: Settings) -> None:
    with pytest.raises(Problem, match="missing"):
        keys.rotate(installation)
    keys.make(installation)
    file = installation.keys / keys.KEY_RING
    file.write_text("{}")
    with pytest.raises(Problem, match="damaged"):
        keys.rotate(installation)
    assert file.read_text() == "{}"


async def test_a_person_added_at_the_command_line_signs_in(keyed: Settings, store: Database) -> None:
    email = f"{new_id()}@Example.com"
    printed = await said(
        "people", "add", email, "林静", "--role", "reviewer", "--role", "senior", typed=f"{PASSWORD}\n"
    )
    assert PASSWORD not in printed
    person = await ConsoleSignIn(store).check(email, PASSWORD, Origin())
    assert (person.name, person.roles) == ("林静", ["reviewer", "senior"])
    (audit,) = await rows(store, AuditRow, subject=person.id)
    assert (audit.actor, audit.act, audit.facts["os_user"]) == ("cli", "cli:person:add", os_user())


async def test_a_lost_authenticator_is_taken_away_at_the_command_line(keyed: Settings, store: Database) -> None:
    email = f"{new_id()}@example.com".lower()
    person_id = await provisioning.add_person(keyed, email, "Lin", [Role.ADMIN], PASSWORD)
    totp = Totp(store, keys.load(keyed).keyring)
    await totp.begin(person_id)
    given = await totp.waiting(person_id)
    assert given is not None
    await totp.confirm(person_id, pyotp.TOTP(given.secret).now())
    printed = await said("people", "reset-totp", f" {email.upper()}")
    assert email.upper() in printed
    (person,) = await rows(store, PersonRow, id=person_id)
    assert (person.totp_sealed, person.totp_confirmed_at) == (None, None)
    assert "cli:totp:reset" in [audit.act for audit in await rows(store, AuditRow, subject=person_id)]
    with pytest.raises(Problem, match="No person here"):
        await provisioning.reset_totp(keyed, f"x{email}")


async def test_people_who_cannot_be_added_are_refused_in_a_sentence(keyed: Settings, store: Database) -> None:
    email = f"{new_id()}@example.com".lower()
    await provisioning.add_person(keyed, email, "Lin", [Role.ADMIN], PASSWORD)
    for address, name, roles, password, why in (
        (email.upper(), "Lin", [Role.ADMIN], PASSWORD, "already"),
        ("nobody", "Lin", [Role.ADMIN], PASSWORD, "e-mail"),
        (f"x{email}", " ", [Role.ADMIN], PASSWORD, "name"),
        (f"x{email}", "Lin", [], PASSWORD, "--role"),
        (f"x{email}", "Lin", [Role.ADMIN], "short", "12 characters"),
    ):
        with pytest.raises(Problem, match=why):
            await provisioning.add_person(keyed, address, name, roles, password)
    assert len(await rows(store, PersonRow, email=email)) == 1
    assert not await rows(store, PersonRow, email=f"x{email}")


@pytest.mark.parametrize("name", ["Green\r\nLane", "Green\nLane", "Green\x00Lane", "  ", ""])
async def test_a_name_of_a_partner_or_outlet_is_one_printable_line(keyed: Settings, store: Database, name: str) -> None:
    code = f"outlet-{new_id().lower()}"
    with pytest.raises(Problem, match="name"):
        await provisioning.add_partner(keyed, name)
    with pytest.raises(Problem, match="name"):
        await provisioning.add_outlet(keyed, code, name, "hualian")
    assert await rows(store, OutletRow, code=code) == []


async def test_a_partner_gets_a_key_and_a_webhook_secret_that_work(
    keyed: Settings, store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def public(host: str, port: int) -> list[str]:
        return ["8.8.8.8"]

    monkeypatch.setattr(provisioning, "resolve", public)
    url = "https://partner.example/hooks"
    printed = await said("partners", "add", "Cards & Co", "--webhook-url", url)
    words = printed.split()
    partners = Partners(store, keys.load(keyed).keyring)
    partner_id = await partners.authenticate(next(word for word in words if word.startswith("clk_")))
    assert partner_id in words
    assert await partners.webhook_secret(partner_id) in words
    (row,) = await rows(store, PartnerRow, id=partner_id)
    assert (row.name, row.webhook_url) == ("Cards & Co", url)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://partner.example/", "https"),
        ("ftp://partner.example/", "no webhook address"),
        ("https://me:word@partner.example/", "no webhook address"),
        ("https:///path", "no webhook address"),
        ("https://127.0.0.1/", "private network"),
        ("https://[::ffff:10.0.0.1]/", "private network"),
    ],
)
async def test_an_address_that_no_webhook_may_go_to_makes_no_partner(
    keyed: Settings, store: Database, url: str, why: str
) -> None:
    name = new_id()
    with pytest.raises(Problem, match=why):
        await provisioning.add_partner(keyed, name, url)
    assert not await rows(store, PartnerRow, name=name)


async def test_an_outlet_is_added_once_and_for_a_regional_brand(keyed: Settings, store: Database) -> None:
    code = f"outlet-{new_id().lower()}"
    told = await said("outlets", "add", code, "南京路店", "hualian")
    (row,) = await rows(store, OutletRow, code=code)
    assert (row.name, row.brand, row.active) == ("南京路店", "hualian", True)
    ring, place = keys.load(keyed).keyring, f"outlet:{code}:secret"
    assert ring.open_text(row.secret_sealed, purpose="outlet", aad=place) in told
    renewed = await said("outlets", "secret", code)
    (row,) = await rows(store, OutletRow, code=code)
    assert ring.open_text(row.secret_sealed, purpose="outlet", aad=place) in renewed
    assert renewed not in told
    with pytest.raises(Problem, match="no outlet"):
        await provisioning.renew_outlet_secret(keyed, "nobody")
    assert ring.open_text(row.previous_sealed, purpose="outlet", aad=place) in told
    await said("outlets", "retire", code)
    (row,) = await rows(store, OutletRow, code=code)
    assert row.previous_sealed is None
    assert ring.open_text(row.secret_sealed, purpose="outlet", aad=place) in renewed
    with pytest.raises(Problem, match="no older secret"):
        await provisioning.retire_outlet_secret(keyed, code)
    acts = {audit.act for audit in await rows(store, AuditRow, subject=code)}
    assert {"cli:outlet:secret", "cli:outlet:retire"} <= acts
    for other, brand, why in ((code, "hualian", "already"), (f"{code}x", "jd", "regional"), ("A B", "hualian", "code")):
        with pytest.raises(Problem, match=why):
            await provisioning.add_outlet(keyed, other, "x", brand)


def test_a_database_that_is_away_is_one_sentence(keyed: Settings, python: Callable[..., Any], tmp_path: Path) -> None:
    away = python(
        "-m", "cli", "outlets", "add", "outlet-9", "x", "hualian",
        CARDLOOP_HOME=str(tmp_path), DATABASE_URL="postgresql://x@127.0.0.1:1/x", LC_ALL="C",
    )  # fmt: skip
    assert away.returncode == 1
    assert "does not answer" in away.stderr
    assert "Traceback" not in away.stderr
