"""The providers that cards depend on: who they are, and which part of a card's journey waits for which of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.cards.card import CardType, Stage
from domain.cards.verification import CONFIRMED_BEFORE_PAYMENT

CODE_MAX = 40


class ProviderKind(StrEnum):
    """What a provider does for us."""

    ISSUER = "issuer"  # Knows the balance of its cards.
    STORE = "store"  # The tills of one issuer's stores.
    OUTLET = "outlet"  # Partner outlets, all through one system.
    FX = "fx"  # The foreign-exchange desk.
    PAYOUT = "payout"  # The payment gateway.
    MESSAGES = "messages"  # Text messages to sellers.


OF_ISSUERS = frozenset({ProviderKind.ISSUER, ProviderKind.STORE})


@dataclass(frozen=True)
class Provider:
    """One provider; `issuer` names whose cards or stores, and is empty for the kinds of which there is one."""

    kind: ProviderKind
    issuer: str = ""

    @property
    def id(self) -> str:
        """Return e.g. `issuer:jd` or `payout`: the word that pages, rows and steps know it by."""
        return f"{self.kind.value}:{self.issuer}" if self.issuer else self.kind.value


OUTLETS, FX_DESK, PAYOUTS, MESSAGES = (
    Provider(one) for one in (ProviderKind.OUTLET, ProviderKind.FX, ProviderKind.PAYOUT, ProviderKind.MESSAGES)
)


def issuer(code: str) -> Provider:
    """Return an issuer."""
    return Provider(ProviderKind.ISSUER, code)


def store(code: str) -> Provider:
    """Return the stores of an issuer."""
    return Provider(ProviderKind.STORE, code)


def provider_named(identifier: str) -> Provider | None:
    """Return the provider of that id; None for what is no provider's."""
    kind, colon, code = identifier.partition(":")
    if kind not in set(ProviderKind) or len(code) > CODE_MAX or ":" in code:
        return None
    found = Provider(ProviderKind(kind), code)
    return found if bool(code) == bool(colon) == (found.kind in OF_ISSUERS) else None


# Whom a card of each type is verified with.
VERIFIED_BY: dict[CardType, tuple[ProviderKind, ...]] = {
    CardType.SUPERMARKET: (ProviderKind.ISSUER,),
    CardType.ECOMMERCE: (ProviderKind.ISSUER,),
    CardType.DINING: (ProviderKind.STORE,),
    CardType.REGIONAL: (ProviderKind.OUTLET,),
    CardType.CROSSBORDER: (ProviderKind.ISSUER, ProviderKind.FX),
}
# Whom a card has to be verified with yet, or again after a correction.
TO_VERIFY = frozenset({Stage.INTAKE, Stage.READING, Stage.VERIFICATION, Stage.PRICING, Stage.REVIEW})
TO_PAY = frozenset({Stage.OFFER, Stage.PAYOUT})


def needed_by(stage: Stage, card_type: CardType, issuer_code: str) -> tuple[Provider, ...]:
    """Return whom a card at this stage depends on: its verifiers until it has a quote, then whom its payment needs."""
    kinds: tuple[ProviderKind, ...] = ()
    if stage in TO_VERIFY:
        kinds = VERIFIED_BY[card_type]
    elif stage in TO_PAY:
        confirmed = card_type in CONFIRMED_BEFORE_PAYMENT
        kinds = (ProviderKind.PAYOUT, *((ProviderKind.ISSUER,) if confirmed else ()))
    return tuple(Provider(kind, issuer_code if kind in OF_ISSUERS else "") for kind in kinds)
