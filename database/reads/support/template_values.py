"""What a ticket knows of the variables of reply templates, in the language of its replies; nothing here opens a sealed column."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow, QuoteRow
from database.tables.finance.payout import PayoutRow
from database.tables.people import PartnerRow, PersonRow, SellerRow
from database.tables.support.tickets import ContactRow, TicketLinkRow, TicketRow
from domain.identifiers import short
from domain.money import Money
from domain.rules.brands import brand
from domain.support.reply_templates import TemplateVariable
from domain.support.tickets import LinkedKind


async def values_of(session: AsyncSession, ticket: TicketRow, person: str) -> dict[TemplateVariable, str]:
    """Return every value that is known; `due` is the caller's, who knows how moments are written.

    Card, brand, amount and payee are those of the newest card that the ticket is about.
    """
    agent = await session.get(PersonRow, person)
    found = {
        TemplateVariable.TICKET: short(ticket.id),
        TemplateVariable.CUSTOMER: await customer_name(session, ticket.requester),
        TemplateVariable.AGENT: "" if agent is None else agent.name,
    }
    newest = (
        select(CardRow)
        .join(TicketLinkRow, TicketLinkRow.subject == CardRow.id)
        .where(TicketLinkRow.ticket_id == ticket.id, TicketLinkRow.kind == LinkedKind.CARD)
        .order_by(CardRow.id.desc())
        .limit(1)
    )
    card = (await session.execute(newest)).scalar_one_or_none()
    if card is not None:
        found[TemplateVariable.CARD] = f"••••{card.number_tail}" if card.number_tail else short(card.id)
        found[TemplateVariable.BRAND] = brand(card.brand).names[ticket.language]
        found |= await _money_of(session, card.id)
    return {name: value for name, value in found.items() if value}


async def customer_name(session: AsyncSession, requester: str) -> str:
    """Return what a customer may be called by staff: a masked phone number, a partner's name, or how they sign their mail."""
    kind, _, number = requester.partition(":")
    if kind == "seller" and (seller := await session.get(SellerRow, number)) is not None:
        return seller.phone_masked
    if kind == "partner" and (partner := await session.get(PartnerRow, number)) is not None:
        return partner.name
    if kind == "contact" and (contact := await session.get(ContactRow, number)) is not None:
        return contact.name or contact.address_masked
    return ""


async def _money_of(session: AsyncSession, card_id: str) -> dict[TemplateVariable, str]:
    """The newest payment order with its payee, else the newest quote that the seller was offered."""
    orders = select(PayoutRow).where(PayoutRow.card_id == card_id).order_by(PayoutRow.attempt.desc()).limit(1)
    payout = (await session.execute(orders)).scalar_one_or_none()
    if payout is not None:
        amount = str(Money(payout.amount_minor, payout.currency))
        return {TemplateVariable.AMOUNT: amount, TemplateVariable.PAYEE: payout.payee_masked or ""}
    quotes = select(QuoteRow).where(QuoteRow.card_id == card_id, QuoteRow.offered_at.is_not(None))
    quote = (await session.execute(quotes.order_by(QuoteRow.created_at.desc()).limit(1))).scalar_one_or_none()
    return {} if quote is None else {TemplateVariable.AMOUNT: str(Money(quote.amount_minor, quote.currency))}
