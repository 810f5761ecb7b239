"""Words that people write about a card are kept in the clear; its number and PIN never are."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards
from database.tables.cards import CardRow
from domain.errors.work import SecretInWords
from domain.sealing import KeyRing
from domain.work.comments import tells_a_secret


def require_no_secret(keyring: KeyRing, card: CardRow, *texts: str, typed: tuple[str | None, ...] = ()) -> None:
    """Refuses SecretInWords for words that hold the card's number or PIN, one of those `typed` for it, or any card number."""
    if not any(texts):
        return  # Nothing is opened for nothing.
    secrets = (cards.open_number(keyring, card), cards.open_pin(keyring, card), *typed)
    if any(tells_a_secret(text, secrets) for text in texts):
        raise SecretInWords()


async def require_no_secret_about(session: AsyncSession, keyring: KeyRing, card_id: str | None, *texts: str) -> None:
    """Refuse SecretInWords as `require_no_secret` does for this card, or any card number in words that are about no card."""
    if card_id is None:
        require_no_number(*texts)
    elif any(texts):
        require_no_secret(keyring, await cards.load(session, card_id), *texts)


def require_no_number(*texts: str) -> None:
    """Refuses SecretInWords for digits as long as a card number's, in words that are about no card in particular."""
    if any(tells_a_secret(text, ()) for text in texts):
        raise SecretInWords()
