"""Labels leave by the command line: into a new file of one's own, masked unless one insists, and never unrecorded."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import pwd
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select, text
from typer.testing import CliRunner, Result

from bootstrap import keys
from bootstrap.settings import Settings
from bootstrap.words import Problem
from cli.app import app
from database.sealed import LABEL_READ
from database.session import Database
from database.tables.columns import now
from database.tables.people import AuditRow
from database.tables.quality import ReadingLabelRow
from database.tables.review import ReviewDecisionRow
from domain.cards.review import ReviewOutcome
from domain.identifiers import new_id
from domain.sealing import KeyRing
from services.quality import reading_labels
from tests.builders.provider_keys import lay_their_keys
from tests.database.builders import a_card, a_task

MANY = 2 * reading_labels.CURSOR_ROWS + 100  # So that the cursor is read more than twice.
READ, TRUTH = "604128", "604123"


@pytest.fixture(scope="module")
def own_url(make_migrated: Callable[[str], str], worker: str) -> str:
    return make_migrated(f"labels_{worker}")


@pytest.fixture
def installation(tmp_path: Path, own_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CARDLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CARDLOOP_DEMO", "false")
    monkeypatch.setenv("DATABASE_URL", own_url)
    monkeypatch.setenv("LC_ALL", "C")
    settings = Settings()
    keys.make(settings)
    lay_their_keys(settings)
    return settings


@pytest_asyncio.fixture
async def store(installation: Settings, own_url: str) -> AsyncIterator[Database]:
    """A database with so many labels of PINs, sealed under this installation's keys."""
    database, keyring = Database(own_url), keys.load(installation).keyring
    async with database.transaction() as session:
        await session.execute(text("TRUNCATE reading_label"))
        card = await a_card(session)
        task = await a_task(session, card)
        decision = ReviewDecisionRow(id=new_id(), task_id=task.id, card_id=card.id, outcome=ReviewOutcome.APPROVE)
        session.add(decision)
        await session.flush()
        session.add_all(_label(keyring, card.id, decision.id, place) for place in range(MANY))
    yield database
    await database.dispose()


def _label(keyring: KeyRing, card: str, decision: str, place: int) -> ReadingLabelRow:
    label_id = new_id()

    def seal(name: str, value: str) -> bytes:
        return keyring.seal_text(value, purpose=LABEL_READ.purpose, aad=f"label:{label_id}:{name}")

    return ReadingLabelRow(
        id=label_id, card_id=card, decision_id=decision, photo_id=f"P{place}", field="pin", reader="test", accepted=False,
        confidence_bp=place, read_sealed=seal("read", READ), truth_sealed=seal("truth", TRUTH),
        at=now() - timedelta(hours=1) + timedelta(milliseconds=place),
    )  # fmt: skip


async def ran(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["labels", "export", *arguments])


async def exports(store: Database) -> list[AuditRow]:
    async with store.transaction() as session:
        found = await session.execute(select(AuditRow).filter_by(act="labels:reading:export"))
        return sorted(found.scalars(), key=lambda row: row.at)


@pytest.mark.usefixtures("store")
async def test_all_labels_leave_masked_in_order_for_their_owner_alone(tmp_path: Path) -> None:
    out = tmp_path / "labels.jsonl"
    before = os.umask(0)
    try:
        done = await ran("--out", str(out))
    finally:
        os.umask(before)
    assert (done.exit_code, f"{MANY} labels" in done.output) == (0, True)
    assert out.stat().st_mode & 0o777 == 0o600
    entries = [json.loads(line) for line in out.read_text().splitlines()]
    assert [entry["confidence_bp"] for entry in entries] == list(range(MANY))
    assert {(entry["read"], entry["truth"]) for entry in entries} == {("*****x", "******")}


async def test_in_the_clear_only_for_who_insists_and_on_record_with_the_systems_user(
    store: Database, tmp_path: Path
) -> None:
    out, before = tmp_path / "labels.csv", len(await exports(store))
    unsure = await ran("--out", str(out), "--clear")
    assert isinstance(unsure.exception, Problem)
    assert "--yes" in str(unsure.exception)
    assert (out.exists(), len(await exports(store))) == (False, before)
    assert (await ran("--out", str(out), "--clear", "--yes")).exit_code == 0
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert (len(rows), rows[0]["read"], rows[0]["truth"], rows[0]["accepted"]) == (MANY, READ, TRUTH, "no")
    row = (await exports(store))[-1]
    assert (row.actor, row.facts["labels"], row.facts["clear"]) == ("cli", MANY, True)
    assert (row.facts["file"], row.facts["os_user"]) == ("labels.csv", pwd.getpwuid(os.getuid()).pw_name)


@pytest.mark.usefixtures("store")
async def test_nothing_is_written_over_and_no_other_form_is_guessed(tmp_path: Path) -> None:
    there = tmp_path / "there.csv"
    there.write_text("mine")
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "elsewhere.csv")
    for out, said in (
        (there, "written over"),
        (link, "written over"),
        (tmp_path / "x.txt", ".jsonl"),
        (tmp_path / "no" / "x.csv", "cannot"),
    ):
        done = await ran("--out", str(out))
        assert isinstance(done.exception, Problem)
        assert said in str(done.exception)
    assert there.read_text() == "mine"
    assert not (tmp_path / "elsewhere.csv").exists()


async def test_an_export_that_fails_leaves_no_file_behind_but_is_on_record(
    store: Database, installation: Settings, tmp_path: Path
) -> None:
    before = len(await exports(store))
    (installation.keys / keys.KEY_RING).unlink()
    keys.make(installation)
    out = tmp_path / "labels.jsonl"
    done = await ran("--out", str(out))
    assert isinstance(done.exception, Problem)
    assert "does not open" in str(done.exception)
    assert READ not in done.output
    assert (out.exists(), len(await exports(store))) == (False, before + 1)


async def test_a_folder_leaves_sealed_with_a_key_of_its_own_and_open_only_for_who_may(
    store: Database, tmp_path: Path
) -> None:
    out, key, before = tmp_path / "cards", tmp_path / "key", len(await exports(store))
    done = await ran("--out", str(out), "--key", str(key))
    assert (done.exit_code, "0 labelled photos" in done.output) == (0, True)  # These labels have no photo.
    assert (out.stat().st_mode & 0o777, key.stat().st_mode & 0o777, key.stat().st_size) == (0o700, 0o600, 32)
    row = (await exports(store))[-1]
    assert (row.facts["photos"], row.facts["clear"], row.facts["folder"]) == (MANY, False, "cards")
    nobody = await ran(
        "--out", str(tmp_path / "open"), "--key", str(key), "--open-photos-for", "no@example.com", "--yes"
    )
    assert "may not export labels" in str(nobody.exception)
    inside = await ran("--out", str(tmp_path / "new"), "--key", str(tmp_path / "new" / "key"))
    assert "outside the folder" in str(inside.exception)
    assert "written over" in str((await ran("--out", str(out), "--key", str(key))).exception)
    assert [(tmp_path / name).exists() for name in ("open", "new")] == [False, False]
    assert len(await exports(store)) == before + 1
