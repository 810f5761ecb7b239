"""A file for the tax office is kept as it was downloaded, and says when the figures of its period have changed since."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest

from database.reads.finance import tax as reads
from database.tables.finance.payout import PayoutRow
from database.tables.finance.tax import TaxFileRow
from database.tables.people import AuditRow
from domain.errors.general import NotFound
from domain.errors.people import NotAllowed
from domain.finance.tax import TaxFileKind
from domain.identifiers import new_id, payout_key
from services.finance.tax_files import PART_BYTES, About, TaxFiles
from services.finance.tax_reports import TaxReports
from tests.builders.own_world import own_world
from tests.builders.selling import a_bought_card
from tests.builders.tax_rules import a_row, in_force
from tests.builders.world import World

world = own_world("tax_files")

AUGUST = (date(2026, 8, 1), date(2026, 8, 31))


def about(**more: str) -> About:
    days = {"since": AUGUST[0], "until": AUGUST[1]}
    given = {"period": "2026-08", "name": "tax-2026-08.csv", "media_type": "text/csv", "language": "en"} | more
    return About(TaxFileKind.DETAIL, **days, **given)  # type: ignore[arg-type]


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for one in content:
        yield one


async def paid_in_august(world: World, day: int) -> str:
    """A card that was paid for on a day of August."""
    card_id = await a_bought_card(world)
    async with world.database.transaction() as session:
        row = await session.get_one(PayoutRow, payout_key(card_id, 1))
        row.settled_at = datetime(2026, 8, day, tzinfo=UTC)
    return card_id


async def kept(world: World, files: TaxFiles, person: str) -> TaxFileRow:
    """The month's report, kept as the page does."""
    made = await TaxReports(world.database, world.keyring).detail(person, "2026-08")

    async def rows() -> AsyncIterator[bytes]:
        async for row in made.rows:
            yield ",".join(row).encode()

    return await files.keep(person, about(), rows(), lambda: made.figures)


async def given_out(files: TaxFiles, row: TaxFileRow) -> bytes:
    return b"".join([part async for part in files.content(row)])


async def differing(world: World) -> dict[str, bool]:
    async with world.database.transaction() as session:
        return {one.row.id: one.differs for one in await reads.files(session)}


async def test_a_file_stays_as_it_was_and_is_marked_once_the_figures_are_others(world: World) -> None:
    in_force("tax-none", a_row("all", cost="nothing"))
    files, person = TaxFiles(world.database, world.photos), await world.a_person("finance")
    card_id = await paid_in_august(world, 3)
    await TaxReports(world.database, world.keyring).sign_off(person, "tax-none", "agreed")
    first, same = await kept(world, files, person), await kept(world, files, person)
    assert (first.sha256, first.figures, first.versions, first.made_by) == (
        same.sha256,
        same.figures,
        "tax-none",
        person,
    )
    assert await differing(world) == {first.id: False, same.id: False}
    content = await given_out(files, first)
    assert (card_id.encode() in content, hashlib.sha256(content).hexdigest(), len(content)) == (
        True,
        first.sha256,
        first.size_bytes,
    )
    await paid_in_august(world, 4)  # A payment that is found late counts for its day.
    assert await differing(world) == {first.id: True, same.id: True}
    later = await kept(world, files, person)
    assert await differing(world) == {first.id: True, same.id: True, later.id: False}
    assert await given_out(files, await files.again(person, first.id)) == content  # As it was.
    acts = {one.act: one.facts for one in await world.rows(AuditRow, subject=later.id)}
    assert acts["console:tax:keep_file"]["differs_from"] == same.id
    assert (
        "differs_from"
        not in {one.act: one.facts for one in await world.rows(AuditRow, subject=same.id)}["console:tax:keep_file"]
    )
    async with world.database.transaction() as session:
        (row,) = [one async for one in reads.lines(session, *AUGUST) if one.card_id == card_id]
        (of_owner, of_nobody) = await reads.figures(
            session, [reads.Figures(*AUGUST, row.owner), reads.Figures(*AUGUST, "seller:none")]
        )
    assert (of_owner.partition(":")[0], of_nobody) == ("1", "0:0")
    async with world.database.transaction() as session:
        (await session.get_one(PayoutRow, payout_key(card_id, 1))).settled_at = datetime(2026, 8, 9, tzinfo=UTC)
    assert (await differing(world))[later.id] is True  # The same sums, another day.


async def test_a_large_file_is_kept_and_given_out_in_parts(world: World) -> None:
    files, person = TaxFiles(world.database, world.photos), await world.a_person("finance")
    whole = bytes(range(256)) * (PART_BYTES // 256) + b"the rest " + new_id().encode()
    row = await files.keep(person, about(), pieces(whole[:1000], whole[1000:]), lambda: "0:0")
    assert (len(row.parts), row.size_bytes, row.sha256) == (2, len(whole), hashlib.sha256(whole).hexdigest())
    assert await given_out(files, row) == whole


async def test_nobody_else_keeps_or_reads_a_file_and_a_broken_one_leaves_no_row(world: World) -> None:
    files, person = TaxFiles(world.database, world.photos), await world.a_person("compliance")
    with pytest.raises(NotAllowed):
        await files.keep(person, about(), pieces(b"x"), lambda: "0:0")
    with pytest.raises(NotAllowed):
        await files.again(person, new_id())
    finance, before = await world.a_person("finance"), len(await world.rows(TaxFileRow))
    with pytest.raises(NotFound):
        await files.again(finance, new_id())

    async def breaks() -> AsyncIterator[bytes]:
        yield b"half"
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        await files.keep(finance, about(), breaks(), lambda: "0:0")
    assert len(await world.rows(TaxFileRow)) == before
