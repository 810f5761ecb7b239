"""Search attributes of a card's workflow: Temporal's own page and tools filter by them too. None holds a secret.

The namespace has to know them (`docker/temporal-namespace.sh`, `bootstrap/local/temporal.py`). A card that is started
while it does not, runs without them.
"""

from __future__ import annotations

from temporalio import workflow
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

with workflow.unsafe.imports_passed_through():
    from domain.cards.card import Stage, WaitingFor
    from domain.cards.facts import CardToBuy

STAGE = SearchAttributeKey.for_keyword("CardloopStage")
WAITING_FOR = SearchAttributeKey.for_keyword("CardloopWaitingFor")
CARD_TYPE = SearchAttributeKey.for_keyword("CardloopCardType")
BRAND = SearchAttributeKey.for_keyword("CardloopBrand")
ERROR_CLASS = SearchAttributeKey.for_keyword("CardloopErrorClass")
ALL = (STAGE, WAITING_FOR, CARD_TYPE, BRAND, ERROR_CLASS)

Place = tuple[Stage, WaitingFor, str]
# The journey passes these without waiting: the place before them stays until the next one.
PASSED = frozenset(
    {(Stage.PRICING, WaitingFor.MACHINE), (Stage.REVIEW, WaitingFor.MACHINE), (Stage.ENDED, WaitingFor.NOBODY)}
)


def at_start(card: CardToBuy) -> TypedSearchAttributes:
    """Return the attributes that a card's workflow is started with."""
    stage, waiting_for, _ = first_place(card)
    return TypedSearchAttributes(
        [
            SearchAttributePair(CARD_TYPE, card.card_type.value),
            SearchAttributePair(BRAND, card.brand),
            SearchAttributePair(STAGE, stage.value),
            SearchAttributePair(WAITING_FOR, waiting_for.value),
        ]
    )


def first_place(card: CardToBuy) -> Place:
    """Return where the journey begins, so that an automatic card costs one event on its way to payment and no more."""
    reads = card.has_photos and not card.resume.read
    return (Stage.READING if reads else Stage.VERIFICATION, WaitingFor.MACHINE, "")


class Index:
    """Keeps a running card's attributes current: one event for each place where the journey may wait."""

    def __init__(self, card: CardToBuy) -> None:
        self._kept = card.indexed
        self._place = first_place(card)

    def note(self, stage: Stage, waiting_for: WaitingFor, error_class: str) -> None:
        """Write where the card is now; `error_class` is why it waits there, where a step failed for good."""
        place = (stage, waiting_for, error_class)
        if not self._kept or place == self._place or (stage, waiting_for) in PASSED:
            return
        changes = []
        if stage is not self._place[0]:
            changes.append(STAGE.value_set(stage.value))
        if waiting_for is not self._place[1]:
            changes.append(WAITING_FOR.value_set(waiting_for.value))
        if error_class != self._place[2]:
            changes.append(ERROR_CLASS.value_set(error_class) if error_class else ERROR_CLASS.value_unset())
        self._place = place
        workflow.upsert_search_attributes(changes)
