"""Comments: mentioned people are notified once, files are proved, and no secret gets into the text."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import text, update

from database.repositories import cards as stored
from database.tables.cards import PhotoRow
from database.tables.evidence import LeafRow
from database.tables.notices import NoticeRow
from database.tables.people import AuditRow, PersonRow
from database.tables.work import AttachmentRow, CommentRow
from domain.errors.files import AttachmentTooLarge, AttachmentUnsupported
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.work import SecretInWords
from domain.evidence.log import canonical, leaf_hash
from domain.notices.kinds import NoticeKind
from domain.work.comments import Mentionable, mentioned, tells_a_secret
from gateways.attachments import BYTES_MAX, accept
from services.cards.photo_hashes import PhotoHashes
from services.work.comments import Comments
from tests.builders.world import World
from tests.gateways.drawn import card as drawn_card
from tests.gateways.drawn import encoded

PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n%%EOF\n"
LIN, FANG = Mentionable("1", "Lin", "lin@example.com"), Mentionable("2", "Lin Fang", "fang@example.com")
WANG = Mentionable("3", "王芳", "wang@example.com")


def comments(world: World) -> Comments:
    return Comments(world.database, world.keyring, world.photos)


async def named(world: World, name: str, *roles: str) -> str:
    person = await world.a_person(*roles)
    async with world.database.transaction() as session:
        await session.execute(update(PersonRow).where(PersonRow.id == person).values(name=name))
    return person


async def test_a_mentioned_person_is_notified_once_and_no_other(world: World) -> None:
    writer, called, other = (
        await named(world, "Ann Writer"),
        await named(world, "Bo Called"),
        await named(world, "Cy Other"),
    )
    card = await world.a_card()
    comment = await comments(world).add(writer, card, "@Bo Called and @bo called, see the edge. @Ann Writer @Nobody")
    [notice] = await world.rows(NoticeRow, card_id=card)
    assert (notice.person_id, notice.kind, notice.facts) == (called, NoticeKind.MENTIONED, {"by": writer})
    [row] = await world.rows(CommentRow, id=comment)
    assert (row.person_id, row.mentions) == (writer, [called, writer])
    assert other not in row.mentions


async def test_a_file_is_sealed_and_its_hash_is_in_the_evidence_of_the_card(world: World) -> None:
    writer, card = await world.a_person(), await world.a_card()
    comment = await comments(world).add(writer, card, "The receipt.", [("Receipt.PDF", PDF)])
    [kept] = await world.rows(AttachmentRow, comment_id=comment)
    digest = hashlib.sha256(PDF).hexdigest()
    assert (kept.name, kept.media_type, kept.size_bytes, kept.sha256) == (
        "Receipt.PDF",
        "application/pdf",
        len(PDF),
        digest,
    )
    [leaf] = await world.rows(LeafRow, card_id=card, what="comment.attached")
    assert leaf.body["facts"]["sha256"] == digest
    assert leaf.leaf_hash == leaf_hash(canonical(leaf.body))
    assert world.photos.read(digest) == PDF
    assert "comment.attached" not in await world.story(card)  # The seller reads the story.


async def test_a_file_is_returned_unchanged_to_commenters_and_the_view_is_audited(world: World) -> None:
    writer, card, other_card = await world.a_person(), await world.a_card(), await world.a_card()
    comment = await comments(world).add(writer, card, "", [("notes.txt", "店员说已用 200".encode())])
    [kept] = await world.rows(AttachmentRow, comment_id=comment)
    taken = await comments(world).download(writer, card, kept.id)
    assert (taken.name, taken.media_type, taken.content.decode()) == ("notes.txt", "text/plain", "店员说已用 200")
    assert [row.facts for row in await world.rows(AuditRow, subject=card, act="console:card:download")] == [
        {"attachment": kept.id}
    ]
    with pytest.raises(NotFound):
        await comments(world).download(writer, other_card, kept.id)
    with pytest.raises(NotAllowed):
        await comments(world).download(await world.a_person("admin"), card, kept.id)


async def test_refused_comment_leaves_no_rows(world: World) -> None:
    writer, card = await world.a_person(), await world.a_card()
    for words, files, refused in (
        ("", [], FieldInvalid),
        ("x" * 2001, [], FieldInvalid),
        ("four", [("a.txt", b"a")] * 4, FieldInvalid),
        ("page", [("a.txt", b"a"), ("b.png", b"<html><script>alert(1)</script>")], AttachmentUnsupported),
        ("big", [("a.pdf", PDF + bytes(BYTES_MAX))], AttachmentTooLarge),
    ):
        with pytest.raises(refused):
            await comments(world).add(writer, card, words, files)
    with pytest.raises(NotAllowed):
        await comments(world).add(await world.a_person("admin"), card, "May I?")
    with pytest.raises(NotFound):
        await comments(world).add(writer, "01NOSUCHCARD", "Where?")
    assert await world.rows(CommentRow, card_id=card) == []
    assert await world.rows(LeafRow, card_id=card, what="comment.attached") == []


async def test_comment_text_and_file_names_cannot_hold_number_or_pin(world: World) -> None:
    writer, card_id = await world.a_person(), await world.a_card("starbucks")
    card = await world.card(card_id)
    number, pin = stored.open_number(world.keyring, card), stored.open_pin(world.keyring, card)
    assert number
    assert pin
    spaced = f"{number[:4]} {number[4:8]}-{number[8:12]} {number[12:]}"
    for words in (number, f"It says {spaced}.", f"the PIN is {pin}", "another: 6222 0210 0112 3456"):
        with pytest.raises(SecretInWords):
            await comments(world).add(writer, card_id, words)
    with pytest.raises(SecretInWords):
        await comments(world).add(writer, card_id, "see", [(f"{number}.pdf", PDF)])
    await comments(world).add(writer, card_id, f"ends {number[-4:]}, call 138 0013 8000")
    assert len(await world.rows(CommentRow, card_id=card_id)) == 1


async def test_people_are_offered_by_the_beginning_of_name_or_address(world: World) -> None:
    writer, zoe = await world.a_person(), await named(world, "Zoë Quartz")
    assert [one.id for one in await comments(world).people(writer, "zoë q")] == [zoe]
    async with world.database.transaction() as session:
        await session.execute(update(PersonRow).where(PersonRow.id == zoe).values(active=False))
    assert await comments(world).people(writer, "zoë q") == ()


async def test_old_photos_get_their_hash_once(world: World) -> None:
    photo = encoded(drawn_card((640, 400)).rotate(20))
    card = await world.a_card(photos=(photo,), number=None, pin=None)
    [row] = await world.rows(PhotoRow, card_id=card)
    assert row.look is not None
    async with world.database.transaction() as session:
        await session.execute(text("UPDATE photo SET look = NULL WHERE card_id = :card"), {"card": card})
    looks = PhotoHashes(world.database, world.photos)
    assert await looks.fill_in() >= 1
    [again] = await world.rows(PhotoRow, card_id=card)
    assert again.look == row.look
    assert await looks.fill_in() == 0


@pytest.mark.parametrize(
    ("words", "called"),
    [
        ("@Lin please", ["1"]), ("@Lin Fang please", ["2"]), ("ask @lin@example.com", ["1"]), ("@Linda", []),
        ("mail lin@example.com", []), ("请＠王芳看一下", ["3"]), ("看@王芳", ["3"]), ("@王芳请看 @Lin", ["3", "1"]), ("@", []), ("@Lin @Lin", ["1"]),
    ],
)  # fmt: skip
def test_mentions_are_parsed(words: str, called: list[str]) -> None:
    assert list(mentioned(words, (LIN, FANG, WANG))) == called


def test_mention_notifies_all_people_of_that_name() -> None:
    assert mentioned("@Lin", (LIN, Mentionable("9", "Lin", "other@example.com"))) == ("1", "9")


@pytest.mark.parametrize(
    "words", ["call 13800138000", "ends 6643", "paid 2026-11-23 14:02:33", "01M836XXQ8QBFV0BS4K3MD14JP"]
)
def test_phone_numbers_dates_and_ids_are_not_secrets(words: str) -> None:
    assert not tells_a_secret(words, ("8104223199076643", "604128", None))


@pytest.mark.parametrize(
    ("name", "content", "kept_as"),
    [
        ("a.pdf", PDF, ("a.pdf", "application/pdf")),
        ("photo.exe", encoded(drawn_card()), ("photo.exe.jpg", "image/jpeg")),
        ("../../etc/pass\u202ewd", encoded(drawn_card(), "PNG"), ("passwd.png", "image/png")),
        ("", encoded(drawn_card(), "WEBP"), ("file.webp", "image/webp")),
        ("C:\\notes.csv", b"a,b\n1,2\n", ("notes.csv", "text/plain")),
        ("x.txt", "﻿中文\r\n".encode(), ("x.txt", "text/plain")),
    ],
)
def test_file_type_is_detected_from_its_bytes(name: str, content: bytes, kept_as: tuple[str, str]) -> None:
    kept = accept(name, content)
    assert (kept.name, kept.media_type) == kept_as


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"  <!DOCTYPE html><p>hi", b"plain <SCRIPT src=x>", b"GIF89a....", b"MZ\x90\x00\x03",
        b"PK\x03\x04zip", b"\xff\xfeh\x00i\x00", b"nul\x00", b"<?xml version='1.0'?><a/>",
    ],
)  # fmt: skip
def test_html_svg_programs_and_archives_are_refused_by_content(content: bytes) -> None:
    with pytest.raises(AttachmentUnsupported):
        accept("holiday.jpg", content)
