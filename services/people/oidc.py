"""Signing in through an identity provider: the browser is sent there, and its answer is a person known here."""

from __future__ import annotations

import time

from database.tables.people import PersonRow
from domain.errors.people import ProviderAnswerInvalid, ProviderRefused, ProviderUnavailable
from gateways.errors import GatewayRefused, GatewayUnavailable, ReportRefused
from gateways.identity_provider import Asked, IdentityProvider
from services.people.passwords import ConsoleSignIn

PROOF_S = 600  # Who showed the provider longer ago who they are must do so again before a sensitive act.


class ProviderSignIn:
    """Signs the console's people in by one provider, which they know as `name`."""

    def __init__(self, provider: IdentityProvider, door: ConsoleSignIn, name: str) -> None:
        self.name = name
        self._provider = provider
        self._door = door

    async def begin(self, *, again: bool = False) -> tuple[str, Asked]:
        """Return the provider's page, and what the browser keeps until it is back. Refuses ProviderUnavailable.

        `again`: the person must authenticate again, even if the provider still has a session for them.
        """
        try:
            return await self._provider.ask(again=again)
        except (GatewayUnavailable, GatewayRefused):
            raise ProviderUnavailable() from None

    async def finish(self, code: str, asked: Asked) -> tuple[PersonRow, bool]:
        """Return the person, and whether they showed the provider within ten minutes who they are.

        Refuses ProviderUnavailable, ProviderRefused, ProviderAnswerInvalid, PersonNotKnown, EmailNotVerified.
        """
        try:
            identity = await self._provider.answered(code, asked)
        except GatewayUnavailable:
            raise ProviderUnavailable() from None
        except GatewayRefused as refused:
            raise ProviderRefused(provider_error=refused.code) from None
        except ReportRefused as refused:
            raise ProviderAnswerInvalid(claim=refused.reason) from None
        return await self._door.vouched_for(identity), identity.proved_at > time.time() - PROOF_S
