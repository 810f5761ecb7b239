"""What the card page shows, made from the card's record: secrets are opened here only to be checked and masked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from database.reads.cards.card_page import CardRecord
from database.reads.finance.stated import with_staters
from database.reads.work.comments import Comment
from database.tables.cards import AnswerRow, CardEventRow, PhotoRow, QuoteRow, ReadingRow
from domain.cards.card import CardStatus, CardType
from domain.cards.reading import SECRET_FIELDS, Box, FieldName, Reason
from domain.cards.verification import Party
from domain.money import Currency, Money
from domain.people.roles import Permission
from reviewer_ui.review.card_readings import OpenCard, reading_by_photo
from reviewer_ui.sessions import Person
from web.words import percent, without_repeats

# Of the box's height, beside it and above it: the edge of the print must be seen, and the print fill the crop.
CROP_BESIDE, CROP_ABOVE = 0.35, 0.1


@dataclass(frozen=True)
class BoxView:
    """A rectangle over the photo, in its own pixels."""

    name: FieldName
    box: Box
    crop: Box


@dataclass(frozen=True)
class PhotoView:
    """One photograph, the `number`th as sent; `clear` is whether this person may see it sharp, which takes the lease."""

    id: str
    number: int
    width: int
    height: int
    current: bool
    clear: bool
    boxes: tuple[BoxView, ...]
    covered: bool  # Number or PIN is black in it.
    reader: str = ""  # Engine, version and weights of its newest reading; empty: not read.
    colours: str = (
        ""  # Where colours alone name a brand: whether it `agrees` with the card's or `differs`; empty otherwise.
    )


@dataclass(frozen=True)
class AnswerView:
    """The newest answer of one party to one question; `tries` counts the calls it took with these fields."""

    party: Party
    operation: str
    status: CardStatus
    balance: Money | None
    expires_on: date | None
    failure: str | None
    tries: int
    at: datetime
    stale: bool  # Asked about fields that have changed since.


@dataclass(frozen=True)
class PriceView:
    """The newest quote with its lines; `internal` is None for those who may not see resale price and fee."""

    amount: Money
    lines: tuple[tuple[str, int | None, Money], ...]
    rule_set: str
    rule_version: str
    state: str
    internal: tuple[tuple[str, str], ...] | None


@dataclass(frozen=True)
class EventView:
    """One line of the story; `actor` is a person's name, or a word of the catalogue such as `machine`."""

    at: datetime
    stage: str
    what: str
    facts: Mapping[str, str]
    actor: str | None


def may_see_internal(person: Person) -> bool:
    """Show resale price and fee only to people responsible for money, so that no one else can leak or undercut them."""
    return person.may(Permission.SEE_PAYOUTS) or person.may(Permission.DECIDE_ESCALATED)


def photos(
    opened: OpenCard, person: Person, clear: bool, chosen: str = "",
    hidden: Collection[FieldName] = (),
) -> tuple[PhotoView, ...]:  # fmt: skip
    """List the card's photographs, the chosen one (an id) first; none for those whose work needs no photo."""
    if not person.may(Permission.REVEAL):
        return ()
    record, readings = opened.record, reading_by_photo(opened)
    shown = [
        _photo(one, number, readings.get(one.id), clear, bool(covered_boxes(record, one.id, hidden)))
        for number, one in enumerate(record.photos, 1)
    ]
    return tuple(sorted(shown, key=lambda one: one.id != chosen))


def covered(record: CardRecord, revealed: Collection[FieldName]) -> frozenset[FieldName]:
    """Return the secrets that the card's photos hide from who has `revealed` only these.

    None while a reviewer must type the fields in: that is done from the photo.
    """
    entering = record.card.card_type is CardType.REGIONAL and not record.fields_entered
    at_work = entering and record.task is not None and record.task.closed_at is None
    return frozenset() if at_work else frozenset(SECRET_FIELDS) - frozenset(revealed)


def covered_boxes(record: CardRecord, photo_id: str, hidden: Collection[FieldName]) -> tuple[Box, ...]:
    """Return where the photo shows these fields, as every reading of it knows."""
    fields = (read for reading in record.readings if reading.photo_id == photo_id for read in reading.fields)
    places = (box_of(read) for read in fields if read["name"] in {name.value for name in hidden})
    return tuple(box for box in places if box is not None)


def answers(record: CardRecord) -> tuple[AnswerView, ...]:
    """List the newest answer per party and question, newest first."""
    newest: dict[tuple[Party, str], AnswerRow] = {}
    for row in record.answers:
        newest.setdefault((row.party, row.operation), row)
    return tuple(_answer(row, record) for row in newest.values())


def every_answer(record: CardRecord) -> tuple[AnswerView, ...]:
    """Return every answer of every party, newest first."""
    return tuple(_answer(row, record) for row in record.answers)


def price(record: CardRecord, person: Person) -> PriceView | None:
    """Return the newest quote, or None before there is one."""
    return None if record.quote is None else price_of(record.quote, person)


def price_of(quote: QuoteRow, person: Person) -> PriceView:
    """Return a quote with its lines, and with internal figures for people who may see them."""
    internal = tuple((name, _internal(name, value)) for name, value in quote.internal.items())
    return PriceView(
        amount=Money(quote.amount_minor, quote.currency),
        lines=tuple((str(line["kind"]), line.get("basis_points"), _line_money(line)) for line in quote.lines),
        rule_set=quote.rule_set,
        rule_version=quote.rule_version,
        state=quote.state.value,
        internal=internal if may_see_internal(person) else None,
    )


def story(record: CardRecord, comments: Sequence[Comment] = ()) -> tuple[EventView | Comment, ...]:
    """List events and comments, newest first."""
    entries: list[EventView | Comment] = [*without_repeats([_event(event, record) for event in record.events])]
    return tuple(sorted([*entries, *comments], key=lambda one: one.at, reverse=True))


def _photo(row: PhotoRow, number: int, reading: ReadingRow | None, clear: bool, covered: bool) -> PhotoView:
    boxes = () if reading is None or not clear else tuple(_boxes(reading, row))
    reader = "" if reading is None else reading.reader
    colours = "" if reading is None else _colours_of(reading)
    return PhotoView(row.id, number, row.width, row.height, row.current, clear, boxes, covered, reader, colours)


def _colours_of(reading: ReadingRow) -> str:
    brands = (read for read in reading.fields if read["name"] == FieldName.BRAND.value)
    by_colours = next((read for read in brands if Reason.BY_COLOURS.value in read.get("reasons", ())), None)
    if by_colours is None:
        return ""
    return "differs" if by_colours.get("use") == "differs" else "agrees"


def _boxes(reading: ReadingRow, photo: PhotoRow) -> list[BoxView]:
    placed = ((FieldName(read["name"]), box_of(read)) for read in reading.fields)
    return [BoxView(name, box, crop_of(box, photo)) for name, box in placed if box is not None]


def box_of(read: Mapping[str, Any]) -> Box | None:
    """Return the place of a read field in its photo, or None when it is not known."""
    place = read.get("box")
    return None if place is None else Box(**place) if isinstance(place, dict) else Box(*place)


def crop_of(box: Box, photo: PhotoRow) -> Box:
    """Return the box with a margin, inside its photo."""
    beside, above = round(box.height * CROP_BESIDE), round(box.height * CROP_ABOVE)
    x, y = max(0, box.x - beside), max(0, box.y - above)
    return Box(x, y, min(photo.width, box.right + beside) - x, min(photo.height, box.bottom + above) - y)


def _answer(row: AnswerRow, record: CardRecord) -> AnswerView:
    same = [one for one in record.answers if (one.party, one.operation, one.fields_revision) == _asked(row)]
    return AnswerView(
        party=row.party,
        operation=row.operation,
        status=row.status,
        balance=None if row.balance_minor is None else Money(row.balance_minor, row.currency or record.card.currency),
        expires_on=row.expires_on,
        failure=row.failure,
        tries=len(same),
        at=row.at,
        stale=row.fields_revision != record.card.fields_revision,
    )


def _asked(row: AnswerRow) -> tuple[Party, str, int]:
    return row.party, row.operation, row.fields_revision


def _line_money(line: Mapping[str, Any]) -> Money:
    return Money(int(line["amount_minor"]), Currency(line.get("currency", Currency.CNY)))


def _internal(name: str, value: object) -> str:
    """A figure in the unit that its name ends with."""
    if name.endswith("_minor") and isinstance(value, int):
        return str(Money(value))
    return percent(value) if name.endswith("_bp") and isinstance(value, int) else str(value)


def _event(row: CardEventRow, record: CardRecord) -> EventView:
    kind, _, who = row.actor.partition(":")
    actor = None if kind == "machine" else record.names.get(who, kind)
    return EventView(row.at, row.stage.value, row.what, with_staters(row.facts, record.stated), actor)
