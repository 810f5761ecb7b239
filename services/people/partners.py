"""Businesses that submit cards by API: made here, and known by a key of which only a keyed hash is stored."""

from __future__ import annotations

import secrets

from sqlalchemy import select

from database.sealed import PARTNER_WEBHOOK
from database.session import Database
from database.tables.people import ApiKeyRow, PartnerRow
from domain.errors.people import NotSignedIn
from domain.identifiers import new_id
from domain.sealing import KeyRing

KEY_PREFIX = "clk_"
SHOWN_CHARACTERS = 10


class Partners:
    """Makes partners and recognises their keys."""

    def __init__(self, database: Database, keyring: KeyRing) -> None:
        self._database = database
        self._keyring = keyring

    async def authenticate(self, api_key: str) -> str:
        """Return the id of the partner whose key this is. Refuses NotSignedIn for an unknown or revoked key."""
        statement = select(ApiKeyRow.partner_id).where(
            ApiKeyRow.key_hash == self._hash(api_key), ApiKeyRow.revoked_at.is_(None)
        )
        async with self._database.transaction() as session:
            partner_id = (await session.execute(statement)).scalar_one_or_none()
        if partner_id is None:
            raise NotSignedIn()
        return str(partner_id)

    async def create(self, name: str, webhook_url: str | None = None) -> tuple[str, str]:
        """Add a partner; returns its id and its API key, which cannot be read again. Its webhooks' secret: `webhook_secret`."""
        partner_id, api_key = new_id(), KEY_PREFIX + secrets.token_urlsafe(32)
        secret = PARTNER_WEBHOOK.seal(self._keyring, partner_id, secrets.token_urlsafe(32))
        async with self._database.transaction() as session:
            session.add(PartnerRow(id=partner_id, name=name, webhook_url=webhook_url, webhook_secret_sealed=secret))
            await session.flush()
            session.add(
                ApiKeyRow(
                    id=new_id(), partner_id=partner_id, key_hash=self._hash(api_key), prefix=api_key[:SHOWN_CHARACTERS]
                )
            )
        return partner_id, api_key

    async def webhook_secret(self, partner_id: str) -> str:
        """Return what signs this partner's webhooks; shown to the partner when it is set up."""
        async with self._database.transaction() as session:
            row = await session.get_one(PartnerRow, partner_id)
        return PARTNER_WEBHOOK.open(self._keyring, row.id, row.webhook_secret_sealed) or ""

    def _hash(self, api_key: str) -> str:
        return self._keyring.index(api_key, purpose="api_key")
