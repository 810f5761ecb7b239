"""After an erasure nothing of the person can be read any more, in no table and no sealed column, but what the law has us keep."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from sqlalchemy import inspect, text, update

from database.invariants import violations
from database.reads.support.tickets import record
from database.repositories.cards import open_number
from database.sealed import COLUMNS, READING_VALUES, SHADOW_VALUES, phone_of
from database.tables.cards import PhotoRow, ReadingRow, SubmissionRow
from database.tables.columns import TableRow
from database.tables.finance.payout import PayoutRow
from database.tables.people import SellerRow
from database.tables.platform import OutboxRow
from database.tables.quality import ShadowReadingRow
from database.tables.support.privacy import ErasureRow, PrivacyCopyRow
from database.tables.work import CommentRow
from domain.finance.payout import PayoutOutcome
from domain.identifiers import new_id, ticket_task
from domain.support.quoting import Quotes
from domain.support.tickets import InsideDesk, TicketCategory, TicketChannel, TicketState
from gateways.pictures.store import PhotoMissing
from jobs.privacy import privacy_job
from services.support.closing_accounts import ClosingAccounts
from services.support.contacts import contact_of
from services.support.conversation import AfterReply, Conversation, Reply
from services.support.desk import SupportDesk
from services.support.erasure import Erasures
from services.support.opening import NewTicket, Opening
from services.support.privacy import Privacy
from services.work.comments import Comments
from tests.builders.escalating import Escalating, a_rejected_card
from tests.builders.queueing import Clock
from tests.builders.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


def unlike() -> str:
    return new_id()[-12:].lower().translate(str.maketrans("0123456789", "ilouilouil"))


class Person:
    """A seller who left traces everywhere: a rejected card, a bought one, a ticket with notes and a question, mail."""

    def __init__(self, world: World) -> None:
        self.world, self.clock = world, Clock()
        self.story, self.note, self.name, self.address = (unlike() for _ in range(4))
        desk = SupportDesk(world.database, world.keyring, world.photos, self.clock)
        self.opening = Opening(desk)
        self.erasures = Erasures(desk)
        self.accounts = ClosingAccounts(desk)
        self.privacy = Privacy(desk)
        self.owner = self.rejected = self.bought = self.number = self.phone = self.request = self.colleague = ""
        self.photos: dict[str, str] = {}

    async def leave_traces(self) -> None:
        world = self.world
        self.rejected, _ = await a_rejected_card(world)
        self.owner = await world.a_seller()
        card = await world.card(self.rejected)
        async with world.database.transaction() as session:
            await session.execute(
                update(SubmissionRow).where(SubmissionRow.id == card.submission_id).values(owner=self.owner)
            )
        self.bought, key = await world.a_prepared_payout(owner=self.owner)
        await world.payout.send(key)
        await world.payout.settle(key, PayoutOutcome.PAID, None)
        seller = await self.seller()
        self.phone, self.number = (
            phone_of(world.keyring, seller).removeprefix("+86"),
            open_number(world.keyring, card) or "",
        )
        await self._photos()
        await self._ticket()
        await self._mail()
        wanted = NewTicket(TicketCategory.PRIVACY, "Erase", f"Please erase {self.story}.")
        self.request = await self.opening.open(self.owner, wanted, TicketChannel.WEB)

    async def _read_twice(self, photo_id: str) -> None:
        """The rejected card's photo was read, and a second reader read it, too."""
        reading, values = new_id(), json.dumps({"number": self.number})
        async with self.world.database.transaction() as session:
            sealed = READING_VALUES.seal(self.world.keyring, reading, values)
            of: dict[str, Any] = {
                "card_id": self.rejected,
                "photo_id": photo_id,
                "reader": "printed 1",
                "duration_ms": 1,
            }
            session.add(ReadingRow(id=reading, values_sealed=sealed, **of))
            await session.flush()
            again = SHADOW_VALUES.seal(self.world.keyring, reading, values)
            session.add(ShadowReadingRow(reading_id=reading, values_sealed=again, **of))

    async def _photos(self) -> None:
        for card_id in (self.rejected, self.bought):
            digest = self.world.photos.write(f"a photo of {card_id}".encode())
            self.photos[card_id] = digest
            async with self.world.database.transaction() as session:
                photo_id = new_id()
                session.add(PhotoRow(id=photo_id, card_id=card_id, position=9, original_sha256=hashlib.sha256(card_id.encode()).hexdigest(), stored_sha256=digest, width=1, height=1))  # fmt: skip
            if card_id == self.rejected:
                await self._read_twice(photo_id)

    async def _ticket(self) -> None:
        scene = Escalating(self.world, self.owner, self.rejected)
        await scene.open()
        said = Conversation(SupportDesk(self.world.database, self.world.keyring, self.world.photos, scene.clock))
        comments = Comments(self.world.database, self.world.keyring, self.world.photos)
        question = await scene.ask(InsideDesk.OPS, f"They say {self.story}.", self.rejected)
        await scene.answered(question, "mended")
        note = (("note.txt", f"of {self.owner}".encode()),)
        await comments.add_to_item(scene.agent, ticket_task(scene.ticket_id), f"Called {self.phone}: {self.note}", note)
        await comments.add(scene.agent, self.bought, f"The seller ({self.phone}) asked about it. {self.note}")
        self.colleague = await comments.add(scene.agent, self.bought, f"Nothing of theirs: {self.note[::-1]}")
        await scene.desk.leases.take(scene.agent, ticket_task(scene.ticket_id))
        solved = Reply(f"Dear {self.name}, about {self.story}", AfterReply.SOLVE, "explained")
        await said.reply(scene.agent, scene.ticket_id, solved)

    async def _mail(self) -> None:
        async with self.world.database.transaction() as session:
            contact = await contact_of(session, self.world.keyring, f"{self.address}@example.com", "en")
            contact.name, contact.seller_id = self.name, self.owner.partition(":")[2]
            contact_id = contact.id
        asked = NewTicket(TicketCategory.OTHER, self.story, f"By mail: {self.story} {self.name}")
        ticket_id = await self.opening.open(f"contact:{contact_id}", asked, TicketChannel.MAIL)
        async with self.world.database.transaction() as session:
            (await record(session, ticket_id)).ticket.state = TicketState.CLOSED

    async def seller(self) -> SellerRow:
        async with self.world.database.transaction() as session:
            return await session.get_one(SellerRow, self.owner.partition(":")[2])

    async def erased(self) -> None:
        first, second = await self.world.a_person("compliance"), await self.world.a_person("compliance")
        await self.erasures.confirm(second, self.request, await self.erasures.propose(first, self.request))

    async def solved(self) -> None:
        async with self.world.database.transaction() as session:
            (await record(session, self.request)).ticket.state = TicketState.SOLVED
            left = update(OutboxRow).where(OutboxRow.destination.like(f"%{self.owner.partition(':')[2]}"))
            await session.execute(left.values(delivered_at=self.clock()))

    async def look(self) -> None:
        await privacy_job(self.privacy, self.accounts).once()

    async def readable(self, *secrets: str) -> list[tuple[str, str]]:
        """Where any of these texts can be read: table and text, sealed columns opened."""
        found = []
        async with self.world.database.transaction() as session:
            for mapper in TableRow.registry.mappers:
                table = str(mapper.class_.__tablename__)
                rows = (await session.execute(text(f"SELECT to_jsonb({table})::text FROM {table}"))).scalars()  # noqa: S608
                found += [(table, one) for row in rows for one in secrets if one in row]
            for column in COLUMNS:
                found += await self._opened(session, column, secrets)
        return found

    async def _opened(self, session: Any, column: Any, secrets: tuple[str, ...]) -> list[tuple[str, str]]:
        mapper = next(one for one in TableRow.registry.mappers if one.class_.__tablename__ == column.table)
        keys = ", ".join(one.name for one in inspect(mapper.class_).primary_key)
        rows = await session.execute(text(f"SELECT {keys}, {column.column} AS sealed FROM {column.table} WHERE {column.column} IS NOT NULL"))  # noqa: S608  # fmt: skip
        found = []
        for *key, sealed in rows:
            try:
                plain = column.open(self.world.keyring, ":".join(map(str, key)), bytes(sealed))
            except Exception:  # noqa: BLE001, S112  # A row of another test, sealed by its own key ring.
                continue
            found += [(f"{column.table}.{column.column}", one) for one in secrets if one in plain]
        return found


async def payee_kept(world: World, card_id: str) -> list[tuple[bytes | None, str | None]]:
    return [(one.payee_account_sealed, one.payee_masked) for one in await world.rows(PayoutRow, card_id=card_id)]


@pytest.fixture
async def person(world: World) -> Person:
    made = Person(world)
    await made.leave_traces()
    return made


async def test_closed_account_leaves_no_readable_personal_data(person: Person) -> None:
    world = person.world
    secrets = (person.story, person.note, person.name, person.address, person.phone, person.number)
    before = await person.readable(*secrets)
    assert {one for _, one in before} == set(secrets)
    await person.privacy.prepare(await world.a_person("compliance"), person.request)
    (copy,) = await world.rows(PrivacyCopyRow, ticket_id=person.request)
    await person.erased()
    assert (await person.seller()).erased_at is None  # They still hear of the solution.
    assert {one for _, one in await person.readable(*secrets)} == {person.story, person.phone, person.address}
    await person.solved()
    await person.look()
    assert await person.readable(*secrets) == []
    for gone in (person.photos[person.rejected], copy.sha256):
        with pytest.raises(PhotoMissing):
            world.photos.read(gone)
    seller = await person.seller()
    assert (seller.erased_at is not None, phone_of(world.keyring, seller), seller.phone_masked) == (True, "", "–")
    (erasure,) = await world.rows(ErasureRow, ticket_id=person.request)
    assert {name: count for name, count in erasure.done.items() if count} == {
        "messages": 3, "notes": 1, "photos": 1, "cards": 1, "payees": 1, "contacts": 1, "phone": 1,
    }  # fmt: skip


async def test_legally_retained_data_is_unchanged(person: Person) -> None:
    world, rejected = person.world, await person.world.card(person.rejected)
    bought, payee = await world.card(person.bought), await payee_kept(world, person.bought)
    await person.erased()
    await person.solved()
    await person.look()
    after = await world.card(person.bought)
    assert (after.number_sealed, after.pin_sealed) == (bought.number_sealed, bought.pin_sealed)
    assert await payee_kept(world, person.bought) == payee
    assert world.photos.read(person.photos[person.bought])
    (kept,) = await world.rows(CommentRow, id=person.colleague)
    assert kept.words == f"Nothing of theirs: {person.note[::-1]}"
    gone = await world.card(person.rejected)
    assert (gone.number_sealed, gone.pin_sealed, gone.number_tail) == (None, None, None)
    assert gone.fingerprint == rejected.fingerprint  # A card that was handed in before is still known again.
    async with world.database.transaction() as session:
        assert [
            one
            for one in await violations(session, world.keyring.evidence_public_key)
            if person.bought in one.what or person.rejected in one.what
        ] == []


async def test_an_account_is_not_closed_while_a_card_is_on_its_way(person: Person) -> None:
    await person.world.a_card(owner=person.owner)
    await person.erased()
    await person.solved()
    await person.look()
    seller = await person.seller()
    assert (seller.erased_at, phone_of(person.world.keyring, seller)) == (None, f"+86{person.phone}")


async def test_a_card_that_another_open_question_is_about_keeps_its_photo(person: Person) -> None:
    await person.opening.open(person.owner, NewTicket(TicketCategory.CARD_REJECTED, "Why?", "Why?", (person.rejected,)), TicketChannel.WEB)  # fmt: skip
    await person.erased()
    await person.look()
    assert person.world.photos.read(person.photos[person.rejected])
    assert (await person.world.card(person.rejected)).number_sealed is not None


@pytest.mark.parametrize(
    ("note", "quotes"),
    [
        ("He wrote: the money never came, I am FURIOUS about it", True),
        ("客户说：钱一直没有到账，我很着急。", True),
        ("Call +86 138 0000 9001 back", True),
        ("Ms Wang Fang called", True),
        ("The money came.", False),
        ("卡片已经核对", False),
    ],
    ids=["quote-en", "quote-zh", "telephone", "name", "own-en", "own-zh"],
)
async def test_quotation_is_detected_by_shared_words_or_a_name(note: str, quotes: bool) -> None:
    theirs = Quotes(
        ["The money never came, I am furious about it!", "钱一直没有到账我很着急"], ["13800009001", "Wang Fang"]
    )
    assert theirs.stand_in(note) is quotes
