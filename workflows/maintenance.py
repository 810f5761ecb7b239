"""A provider in maintenance is waited for: a time limit that ran out meanwhile proves no silence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, RetryState, is_cancelled_exception

from workflows import steps
from workflows.policies import RemotePolicy, after_maintenance
from workflows.progress import Progress

with workflow.unsafe.imports_passed_through():
    from domain.cards.card import Stage, WaitingFor
    from domain.cards.facts import CardToBuy, HeldFacts
    from domain.ops.providers import Provider, ProviderKind

Answered = TypeVar("Answered")


async def unless_held(
    card: CardToBuy,
    progress: Progress,
    provider: Provider,
    policy: RemotePolicy,
    ask: Callable[[RemotePolicy], Awaitable[Answered]],
) -> Answered:
    """Ask under the policy; again, patiently, for as long as the provider was in maintenance meanwhile.

    Raises ActivityError when the provider refused, or gave no answer outside maintenance.
    """
    while True:
        since = workflow.now()
        try:
            return await ask(policy)
        except ActivityError as failure:
            if is_cancelled_exception(failure) or failure.retry_state is RetryState.NON_RETRYABLE_FAILURE:
                raise
            held = await held_since(card, provider, since)
            if not held.held:
                raise
        party = WaitingFor.OUTLET if provider.kind is ProviderKind.OUTLET else WaitingFor.ISSUER
        await progress.wait(Stage.VERIFICATION, party, None, "verification.party_in_maintenance")
        policy = after_maintenance(_remaining(held))


async def held_since(card: CardToBuy, provider: Provider, since: datetime) -> HeldFacts:
    """Say whether the provider has been in maintenance since then; never for a card from before providers had queues."""
    if not steps.have_own_queues(card.edition):
        return HeldFacts(held=False, until=None)
    return await steps.held(provider.id, card.brand, since.isoformat())


def _remaining(held: HeldFacts) -> timedelta:
    """Until the end of the window as it is planned; nothing for a window without an end: the next limit asks again."""
    return max(datetime.fromisoformat(held.until) - workflow.now(), timedelta()) if held.until else timedelta()
