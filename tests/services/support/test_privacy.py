"""A seller gets a copy of their data, masked and for a time, and two people erase what the law lets them."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from database.reads.support.tickets import record
from database.repositories import cards
from database.sealed import phone_of
from database.tables.cards import CardRow
from database.tables.people import SellerRow
from database.tables.platform import OutboxRow
from database.tables.support.privacy import ErasureRow, PrivacyCopyRow
from database.tables.support.search import TicketSearchRow
from database.tables.support.tickets import TicketFileRow, TicketMessageRow
from domain.errors.general import NotFound
from domain.errors.people import NotAllowed
from domain.errors.support import CopyExpired, ErasureWaits, NoPrivacyRequest
from domain.errors.work import OwnWork
from domain.support.tickets import TicketCategory, TicketChannel, TicketState
from gateways.pictures.store import PhotoMissing
from jobs.privacy import privacy_job
from services.support.closing_accounts import ClosingAccounts
from services.support.data_copy import packed
from services.support.desk import SupportDesk
from services.support.erasure import Erasures
from services.support.opening import NewTicket, Opening
from services.support.privacy import Privacy
from tests.builders.queueing import Clock
from tests.builders.world import World


class Request:
    """A seller with a card, an ended question with a file, and an open privacy request."""

    def __init__(self, world: World, owner: str, card_id: str, ended: str, ticket_id: str) -> None:
        self.world, self.owner, self.card_id, self.ended, self.ticket_id = world, owner, card_id, ended, ticket_id
        self.clock = Clock()
        desk = SupportDesk(world.database, world.keyring, world.photos, self.clock)
        self.privacy = Privacy(desk)
        self.erasures = Erasures(desk)
        self.accounts = ClosingAccounts(desk)
        self.job = privacy_job(self.privacy, self.accounts)

    async def fetched(self) -> dict[str, bytes]:
        kept = await self.privacy.fetch(self.owner, self.ticket_id)
        with zipfile.ZipFile(io.BytesIO(kept.content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    async def words(self, ticket_id: str) -> list[str]:
        return [one.words for one in await self.world.rows(TicketMessageRow, ticket_id=ticket_id)]


@pytest.fixture
async def asked(world: World) -> Request:
    owner = await world.a_seller()
    card_id = await world.a_card(owner=owner)
    opening = Opening(SupportDesk(world.database, world.keyring, world.photos))
    note = (("note.txt", f"of {owner}".encode()),)
    ended = await opening.open(owner, NewTicket(TicketCategory.OTHER, "Help", "My <b>secret</b> story", (card_id,), note), TicketChannel.WEB)  # fmt: skip
    async with world.database.transaction() as session:
        (await record(session, ended)).ticket.state = TicketState.CLOSED
    wanted = NewTicket(TicketCategory.PRIVACY, "Copy of my data", "Please send me a copy.")
    return Request(world, owner, card_id, ended, await opening.open(owner, wanted, TicketChannel.WEB))


async def test_a_copy_has_all_tables_masked_and_is_fetched_by_its_seller_alone(asked: Request) -> None:
    lead = await asked.world.a_person("support_lead")
    with pytest.raises(NotFound):
        await asked.fetched()
    await asked.privacy.prepare(lead, asked.ticket_id)
    files = await asked.fetched()
    data: dict[str, list[dict[str, Any]]] = json.loads(files["data.json"])
    assert [one["id"] for one in data["cards"]] == [asked.card_id]
    assert {one["id"] for one in data["tickets"]} == {asked.ended, asked.ticket_id}
    assert "My <b>secret</b> story" in [one["words"] for one in data["conversations"]]
    assert data["account"][0]["phone"].startswith("+86")
    page = files["index.html"].decode()
    assert "My &lt;b&gt;secret&lt;/b&gt; story" in page
    card: CardRow = await asked.world.card(asked.card_id)
    number = cards.open_number(asked.world.keyring, card)
    assert number
    assert number not in page + files["data.json"].decode()
    with pytest.raises(NotFound):
        await asked.privacy.fetch(await asked.world.a_seller(), asked.ticket_id)
    sent = await asked.world.rows(OutboxRow, destination=asked.owner, topic="ticket.copy_ready")
    assert len(sent) == 1


async def test_copy_holds_nothing_of_another_seller(asked: Request) -> None:
    other = await asked.world.a_seller()
    card_id = await asked.world.a_card(owner=other)
    await asked.privacy.prepare(await asked.world.a_person("compliance"), asked.ticket_id)
    whole = (await asked.fetched())["data.json"].decode()
    async with asked.world.database.transaction() as session:
        phone = phone_of(asked.world.keyring, await session.get_one(SellerRow, other.partition(":")[2]))
    assert [one for one in (other.partition(":")[2], card_id, phone) if one in whole] == []


@pytest.mark.parametrize("locale", ["en", "zh_CN"])
async def test_every_column_is_translated(asked: Request, locale: str) -> None:
    await asked.privacy.prepare(await asked.world.a_person("compliance"), asked.ticket_id)
    data = json.loads((await asked.fetched())["data.json"])
    tables = {name: rows for name, rows in data.items() if name != "made_at"}
    page = packed(tables, locale, asked.clock())
    with zipfile.ZipFile(io.BytesIO(page)) as archive:
        assert "data_copy." not in archive.read("index.html").decode()


async def test_a_copy_expires_and_its_file_is_erased(asked: Request) -> None:
    await asked.privacy.prepare(await asked.world.a_person("compliance"), asked.ticket_id)
    (copy,) = await asked.world.rows(PrivacyCopyRow, ticket_id=asked.ticket_id)
    asked.clock.passes(days=15)
    with pytest.raises(CopyExpired):
        await asked.fetched()
    await asked.job.once()
    with pytest.raises(PhotoMissing):
        asked.world.photos.read(copy.sha256)
    with pytest.raises(CopyExpired):
        await asked.fetched()


async def test_a_copy_prepared_again_replaces_the_one_before(asked: Request) -> None:
    person = await asked.world.a_person("compliance")
    await asked.privacy.prepare(person, asked.ticket_id)
    (before,) = await asked.world.rows(PrivacyCopyRow, ticket_id=asked.ticket_id)
    asked.clock.passes(minutes=5)
    await asked.privacy.prepare(person, asked.ticket_id)
    with pytest.raises(PhotoMissing):
        asked.world.photos.read(before.sha256)
    assert await asked.fetched()


async def test_only_those_who_handle_privacy_and_only_on_its_requests(asked: Request) -> None:
    agent, compliance = await asked.world.a_person("support"), await asked.world.a_person("compliance")
    with pytest.raises(NotAllowed):
        await asked.privacy.prepare(agent, asked.ticket_id)
    with pytest.raises(NotAllowed):
        await asked.erasures.propose(await asked.world.a_person("support_lead"), asked.ticket_id)
    with pytest.raises(NoPrivacyRequest):
        await asked.privacy.prepare(compliance, asked.ended)
    with pytest.raises(NoPrivacyRequest):
        await asked.erasures.propose(compliance, asked.ended)


async def test_two_people_erase_words_and_files_of_ended_questions_and_nothing_of_the_open_ones(asked: Request) -> None:
    first, second = await asked.world.a_person("compliance"), await asked.world.a_person("compliance")
    (file,) = await asked.world.rows(TicketFileRow, ticket_id=asked.ended)
    erasure = await asked.erasures.propose(first, asked.ticket_id)
    with pytest.raises(ErasureWaits):
        await asked.erasures.propose(second, asked.ticket_id)
    with pytest.raises(OwnWork):
        await asked.erasures.confirm(first, asked.ticket_id, erasure)
    assert await asked.words(asked.ended) == ["My <b>secret</b> story"]
    await asked.erasures.confirm(second, asked.ticket_id, erasure)
    assert await asked.words(asked.ended) == ["[已应请求删除]"]
    (found_by,) = await asked.world.rows(TicketSearchRow, ticket_id=asked.ended)
    assert "secret" not in found_by.folded
    assert await asked.words(asked.ticket_id) == ["Please send me a copy."]
    (searched,) = await asked.world.rows(TicketSearchRow, ticket_id=asked.ended)
    assert "secret" not in searched.folded
    (row,) = await asked.world.rows(ErasureRow, ticket_id=asked.ticket_id)
    assert {name: count for name, count in row.done.items() if count} == {"messages": 1, "files": 1, "phone": 1}
    assert asked.world.photos.read(file.sha256)
    await asked.job.once()
    with pytest.raises(PhotoMissing):
        asked.world.photos.read(file.sha256)
    with pytest.raises(NotFound):
        await asked.erasures.confirm(second, asked.ticket_id, erasure)


async def test_a_file_that_another_person_sent_too_stays_in_the_store(asked: Request) -> None:
    (file,) = await asked.world.rows(TicketFileRow, ticket_id=asked.ended)
    opening, other = (
        Opening(SupportDesk(asked.world.database, asked.world.keyring, asked.world.photos)),
        await asked.world.a_seller(),
    )
    same = (("same.txt", f"of {asked.owner}".encode()),)
    await opening.open(other, NewTicket(TicketCategory.OTHER, "Help", "Help", (), same), TicketChannel.WEB)
    erasure = await asked.erasures.propose(await asked.world.a_person("compliance"), asked.ticket_id)
    await asked.erasures.confirm(await asked.world.a_person("compliance"), asked.ticket_id, erasure)
    await asked.job.once()
    assert asked.world.photos.read(file.sha256)


async def test_a_proposal_that_was_rejected_erases_nothing_and_another_may_follow(asked: Request) -> None:
    person = await asked.world.a_person("compliance")
    await asked.erasures.refuse(person, asked.ticket_id, await asked.erasures.propose(person, asked.ticket_id))
    assert await asked.words(asked.ended) == ["My <b>secret</b> story"]
    assert await asked.erasures.propose(person, asked.ticket_id)
