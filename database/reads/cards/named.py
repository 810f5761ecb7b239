"""The card that a person means by what they can see of it and copy."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.home.search import ends
from database.tables.cards import CardRow
from domain.errors.general import CardNumberTyped, FieldInvalid
from domain.home.search_terms import is_card_number
from domain.identifiers import ALPHABET, is_id
from domain.typed import plain

NAMED_MAX = 300  # Characters that are taken: an address with its query.
ENDING_MIN = 4  # Characters; pages show the last six.
_ADDRESS = re.compile(rf"(?:^|/)CARDS/([{ALPHABET}]{{26}})(?:[/?#]|$)")


async def card_named(session: AsyncSession, field: str, written: str) -> str:
    """Return the id of the card meant by the short number on its page, its whole id, or the address of its page.

    Refuse FieldInvalid (`field`) where nothing (`not_found`) or more than one card (`several`) has that number, and
    CardNumberTyped for the number of a card itself, which is secret.
    """
    meant = plain(written).upper()
    in_address = _ADDRESS.search(meant)
    meant = in_address[1] if in_address is not None else meant.removeprefix("CARD:")
    if is_card_number(meant):
        raise CardNumberTyped()
    named = select(CardRow.id).where(ends(CardRow.id, meant)).order_by(CardRow.id.desc()).limit(2)
    found = tuple((await session.execute(named)).scalars()) if len(meant) >= ENDING_MIN else ()
    if len(found) != 1 and not (is_id(meant) and meant in found):
        raise FieldInvalid(field=field, why="several" if found else "not_found")
    return meant if is_id(meant) else found[0]
