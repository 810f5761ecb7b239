"""The issuer's one-time code: sent on our request, entered by the seller, right within three tries or the card is not bought."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from workflows import steps
from workflows.maintenance import held_since, unless_held
from workflows.messages import CodeEntered
from workflows.policies import ASK, ASK_PATIENTLY, CODES_PER_CARD_MAX, SELLER_CODE_WAIT, RemotePolicy
from workflows.progress import JourneyEnded, Progress, not_expected

with workflow.unsafe.imports_passed_through():
    from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
    from domain.cards.facts import CardToBuy, CodeChecked, CodeSent
    from domain.cards.verification import DynamicCodeResult
    from domain.ops.providers import issuer


class DynamicCode:
    """Asks for the code once per revision of the fields, for another number is another card.

    `enter` and `resend` are called by the workflow's Updates.
    """

    def __init__(self, card: CardToBuy, progress: Progress) -> None:
        self._card = card
        self._progress = progress
        self._sent: CodeSent | None = None
        self._sent_before = 0  # Codes of earlier revisions; their numbers are never used again.
        self._proved_revision = card.resume.code_proved
        self._right = False
        self._tries_left: int | None = None
        self._lock = asyncio.Lock()  # Two codes typed at once must not share one try.

    async def prove(self, revision: int) -> bool:
        """Returns True when the seller has entered the right code, ends the journey otherwise.

        Raises ActivityError when the issuer can send none.
        """
        if self._proved_revision == revision:
            return True
        self._right, self._tries_left = False, None
        while not await self._answered():
            pass
        if not self._right:
            raise JourneyEnded(Outcome.REJECTED, EndReason.WRONG_CODE)
        self._proved_revision = revision
        self._progress.note(Stage.VERIFICATION)
        return True

    async def _answered(self) -> bool:
        """Send a code and wait for it; False when the issuer went into maintenance meanwhile: it sends another after that.

        Ends the journey when the seller has not answered otherwise.
        """
        self._sent_before = self._number
        await unless_held(self._card, self._progress, issuer(self._card.issuer), ASK_PATIENTLY, self._send)
        since = workflow.now()
        await self._progress.wait(
            Stage.VERIFICATION, WaitingFor.SELLER_CODE, SELLER_CODE_WAIT, "verification.code_awaited"
        )
        try:
            await workflow.wait_condition(lambda: self._right or self._tries_left == 0, timeout=SELLER_CODE_WAIT)
        except TimeoutError:
            if (await held_since(self._card, issuer(self._card.issuer), since)).held:
                return False
            raise JourneyEnded(Outcome.LAPSED, EndReason.NO_ANSWER) from None
        return True

    def check_expected(self) -> None:
        """Refuses before anything enters history when no code is awaited."""
        if self._progress.waiting_for is not WaitingFor.SELLER_CODE or self._sent is None:
            raise not_expected(self._progress)

    async def enter(self, entered: CodeEntered) -> CodeChecked:
        """Has the issuer check the code; a wrong one costs a try, an expired one does not."""
        async with self._lock:
            self._require_still_open()
            checked = await steps.check_code(self._card, self._number, entered.code)
            self._right = checked.result is DynamicCodeResult.RIGHT
            self._tries_left = checked.tries_left
            return checked

    async def resend(self) -> CodeSent:
        """Has the issuer send another code, at most three in all."""
        async with self._lock:
            self._require_still_open()
            if self._number - self._sent_before >= CODES_PER_CARD_MAX:
                details = {"most": CODES_PER_CARD_MAX}
                raise ApplicationError("codes_used_up", details, type="codes_used_up", non_retryable=True)
            return await self._send(ASK)  # A person is waiting at the screen.

    @property
    def _number(self) -> int:
        return self._sent.number if self._sent else 0

    def _require_still_open(self) -> None:
        """Judged again under the lock: the answer before may have been the last one needed."""
        if self._right or self._tries_left == 0:
            raise not_expected(self._progress)

    async def _send(self, policy: RemotePolicy) -> CodeSent:
        self._sent = await steps.send_code(self._card, self._number + 1, policy)
        return self._sent
