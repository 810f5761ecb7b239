"""Whether the party that must answer a person now works: a wait at the screen is refused in words, not by a time-out."""

from __future__ import annotations

from datetime import UTC, datetime

from database.reads.ops.providers import delay_of, delays
from database.repositories import cards
from database.session import Database
from domain.errors.ops import PartyInMaintenance
from domain.ops.providers import ProviderKind


async def require_issuer_works(database: Database, card_id: str) -> None:
    """Refuse PartyInMaintenance while the card's issuer can check or send no code. Access was checked before."""
    async with database.transaction() as session:
        held = await delays(session, datetime.now(UTC))
        if not held:
            return
        card = await cards.load(session, card_id)
        delay = delay_of(held, card.stage, card.card_type, card.brand)
    if delay is not None and delay.kind == ProviderKind.ISSUER and not delay.resuming:
        raise PartyInMaintenance(until=delay.until)
