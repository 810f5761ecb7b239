"""Submit a card of the demo that its issuer knows as good."""

from __future__ import annotations

from bootstrap.demo.outsiders import Outsiders
from bootstrap.demo.samples import Sample
from bootstrap.settings import Settings
from domain.cards.card import CardStatus, Outcome
from domain.cards.intake import Submission, SubmittedCard
from domain.money import Money
from domain.rules.brands import brand
from services.cards.intake import Intake

ANY_PRICE = Money(1)


async def hand_in(
    settings: Settings, intake: Intake, owner: str, key: str, number: str, face: Money, payee: tuple[str, str],
    floor: Money | None = ANY_PRICE,
) -> None:  # fmt: skip
    """Make the card known to JD's simulator and submit it for its seller, accepted from `floor` on (None: the seller answers). Raises Refused while the simulator is away."""
    sample = Sample(
        photo="", brand=brand("jd"), number=number, pin=None, face=face, expiry=None, status=CardStatus.ACTIVE,
        left_minor=face.amount_minor, outcome=Outcome.PAID, reason=None, needs=frozenset(), quote_minor=None,
    )  # fmt: skip
    outsiders = Outsiders(settings)
    try:
        await outsiders.register(sample)
    finally:
        await outsiders.close()
    card = SubmittedCard("jd", face, number, accept_at_or_above=floor)
    await intake.submit(Submission(owner, key, (card,), *payee, channel="web"))
