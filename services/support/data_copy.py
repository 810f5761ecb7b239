"""A person's data in one file: the same tables as JSON for programs and as a page to read."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from html import escape
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.cards.submissions import story
from database.reads.support.requesters import requesters_of
from database.sealed import phone_of
from database.tables.cards import CardRow, PhotoRow, QuoteRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.people import SellerRow, SignInCodeRow
from database.tables.platform import OutboxRow
from database.tables.support.callbacks import CallbackRequestRow
from database.tables.support.ratings import TicketRatingRow
from database.tables.support.tickets import TicketFileRow, TicketMessageRow, TicketRow
from domain.money import Money
from domain.places import BUSINESS_ZONE
from domain.sealing import KeyRing
from languages import has, label_key, translate

Table = list[dict[str, Any]]
JSON_NAME, PAGE_NAME = "data.json", "index.html"
_STYLE = (
    "body{font-family:sans-serif;margin:2rem;color:#14211f}table{border-collapse:collapse;margin:0 0 2rem;font-size:.9rem}"
    "th,td{border:1px solid #cfdad7;padding:.35rem .6rem;text-align:left;vertical-align:top;white-space:pre-wrap}th{background:#eef4f2}"
)


async def gather(session: AsyncSession, keyring: KeyRing, seller: SellerRow) -> dict[str, Table]:
    """Return everything that we keep of a seller, by table; card numbers and payout accounts masked, photographs only counted."""
    owner = f"seller:{seller.id}"
    mine = SubmissionRow.owner == owner
    cards = select(CardRow).join(SubmissionRow).where(mine).order_by(CardRow.id)
    whose = await requesters_of(session, owner)
    asked = TicketRow.requester.in_(whose)
    return {
        "account": [
            {"id": seller.id, "phone": phone_of(keyring, seller), "language": seller.locale, "since": seller.created_at}
        ],
        "submissions": await _rows(session, select(SubmissionRow).where(mine).order_by(SubmissionRow.id), _submission),
        "cards": await _rows(session, cards, _card),
        "events": await _events(session, cards),
        "photos": await _rows(session, _of_cards(select(PhotoRow), PhotoRow.card_id, owner, PhotoRow.id), _photo),
        "quotes": await _rows(session, _of_cards(select(QuoteRow), QuoteRow.card_id, owner, QuoteRow.id), _quote),
        "payouts": await _rows(session, _of_cards(select(PayoutRow), PayoutRow.card_id, owner, PayoutRow.key), _payout),
        "messages": await _rows(
            session, select(OutboxRow).where(OutboxRow.destination == owner).order_by(OutboxRow.id), _sent
        ),
        "sign_ins": await _rows(
            session,
            select(SignInCodeRow).where(SignInCodeRow.phone_index == seller.phone_index).order_by(SignInCodeRow.id),
            lambda row: {"sent_at": row.sent_at, "used_at": row.used_at},
        ),
        "tickets": await _rows(session, select(TicketRow).where(asked).order_by(TicketRow.id), _ticket),
        "conversations": await _rows(
            session,
            select(TicketMessageRow).join(TicketRow, TicketRow.id == TicketMessageRow.ticket_id)
            .where(asked, TicketMessageRow.sent_at.is_not(None)).order_by(TicketMessageRow.id),
            lambda row: {"ticket": row.ticket_id, "at": row.at, "author": _author(row, whose), "words": row.words},
        ),
        "files": await _rows(
            session, select(TicketFileRow).join(TicketRow, TicketRow.id == TicketFileRow.ticket_id).where(asked),
            lambda row: {"ticket": row.ticket_id, "at": row.at, "name": row.name, "bytes": row.size_bytes},
        ),
        "ratings": await _rows(
            session,
            select(TicketRatingRow).join(TicketRow, TicketRow.id == TicketRatingRow.ticket_id).where(asked),
            lambda row: {"ticket": row.ticket_id, "at": row.at, "good": row.good, "words": row.words},
        ),
        "requests": await _rows(
            session, select(CallbackRequestRow).where(CallbackRequestRow.seller == owner),
            lambda row: {"card": row.card_id, "at": row.asked_at, "wanted": row.wanted, "words": row.words, "answer": row.reason_code},
        ),
    }  # fmt: skip


def packed(tables: Mapping[str, Table], locale: str, made_at: datetime) -> bytes:
    """Return the zip: JSON with codes as we keep them, and a page in the person's language."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            JSON_NAME, json.dumps({"made_at": made_at, **tables}, ensure_ascii=False, indent=1, default=_plain)
        )
        archive.writestr(PAGE_NAME, _page(tables, locale, made_at))
    return file.getvalue()


def _page(tables: Mapping[str, Table], locale: str, made_at: datetime) -> str:
    title, made = (
        translate("data_copy.title", locale),
        translate("data_copy.made", locale, {"at": _shown(made_at, locale)}),
    )
    parts = [_section(name, rows, locale) for name, rows in tables.items()]
    return (
        f'<!doctype html><html lang="{locale.replace("_", "-")}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1><p>{escape(made)}</p>"
        f"<p>{escape(translate('data_copy.left_out', locale))}</p>{''.join(parts)}</body></html>"
    )


def _section(name: str, rows: Table, locale: str) -> str:
    head = f"<h2>{escape(translate(f'data_copy.table.{name}', locale))}</h2>"
    if not rows:
        return f"{head}<p>{escape(translate('data_copy.nothing', locale))}</p>"
    columns = "".join(f"<th>{escape(translate(f'data_copy.column.{one}', locale))}</th>" for one in rows[0])
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(_shown(one, locale))}</td>' for one in row.values())}</tr>" for row in rows
    )
    return f"{head}<table><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table>"


def _shown(value: Any, locale: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return translate("data_copy.yes" if value else "data_copy.no", locale)
    if isinstance(value, StrEnum):
        return translate(label_key(value), locale) if has(label_key(value), locale) else value.value
    if isinstance(value, datetime):
        return value.astimezone(BUSINESS_ZONE).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {one}" for name, one in value.items())
    return str(value)


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


async def _rows(session: AsyncSession, chosen: Select[Any], of: Any) -> Table:
    found: Sequence[Any] = (await session.execute(chosen)).scalars().all()
    return [of(row) for row in found]


def _of_cards(chosen: Select[Any], card_id: Any, owner: str, order: Any) -> Select[Any]:
    mine = select(CardRow.id).join(SubmissionRow).where(SubmissionRow.owner == owner)
    return chosen.where(card_id.in_(mine)).order_by(order)


def _submission(row: SubmissionRow) -> dict[str, Any]:
    return {"id": row.id, "at": row.created_at, "channel": row.channel, "payee": row.payee_masked}


def _card(row: CardRow) -> dict[str, Any]:
    face = None if row.face_value_minor is None else str(Money(row.face_value_minor, row.currency))
    return {
        "id": row.id, "submission": row.submission_id, "brand": row.brand, "number_ends": row.number_tail, "face_value": face,
        "expires_on": row.expires_on, "stage": row.stage, "outcome": row.outcome, "reason": row.reason, "at": row.created_at,
    }  # fmt: skip


async def _events(session: AsyncSession, cards: Select[Any]) -> Table:
    """What happened to each card, as its seller may see it."""
    ids = (await session.execute(cards.with_only_columns(CardRow.id))).scalars().all()
    return [
        {"card": card_id, "at": datetime.fromisoformat(entry.at), "stage": entry.stage, "what": entry.what, "facts": dict(entry.facts)}
        for card_id in ids
        for entry in await story(session, card_id)
    ]  # fmt: skip


def _photo(row: PhotoRow) -> dict[str, Any]:
    return {
        "card": row.card_id,
        "at": row.created_at,
        "size": f"{row.width} × {row.height}",
        "erased_at": row.erased_at,
    }


def _quote(row: QuoteRow) -> dict[str, Any]:
    amount = str(Money(row.amount_minor, row.currency))
    return {
        "card": row.card_id,
        "amount": amount,
        "state": row.state,
        "at": row.created_at,
        "answered_at": row.answered_at,
    }


def _payout(row: PayoutRow) -> dict[str, Any]:
    amount = str(Money(row.amount_minor, row.currency))
    return {
        "card": row.card_id, "amount": amount, "state": row.state, "payee": row.payee_masked, "at": row.prepared_at,
        "settled_at": row.settled_at, "reference": row.gateway_reference,
    }  # fmt: skip


def _sent(row: OutboxRow) -> dict[str, Any]:
    return {"topic": row.topic, "at": row.due_at, "delivered_at": row.delivered_at}


def _ticket(row: TicketRow) -> dict[str, Any]:
    return {"id": row.id, "subject": row.subject, "category": row.category, "state": row.state, "at": row.opened_at}


def _author(row: TicketMessageRow, whose: Sequence[str]) -> str:
    return "customer" if row.author in whose else "support"
