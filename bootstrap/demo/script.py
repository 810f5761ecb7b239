"""The script of the demo: looks at every card and does what the person would whom the card waits for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine

from bootstrap.demo.outsiders import Outsiders
from bootstrap.demo.partner import Partner, Seen
from bootstrap.demo.reviewer import Reviewer
from bootstrap.demo.samples import Sample
from bootstrap.demo.table import Line
from bootstrap.demo.talk import Refused
from bootstrap.demo.verdict import judged
from domain.cards.card import Stage, WaitingFor
from domain.identifiers import new_id

TRY_AGAIN_S = 2.0
Act = Coroutine[None, None, None]


class Journey:
    """One card on its way: what was seen of it, and the one act that is under way for it."""

    def __init__(self, sample: Sample, live_before: bool) -> None:
        self.sample, self.live_before = sample, live_before
        self.card_id = ""
        self.seen: Seen | None = None
        self.stages: tuple[Stage, ...] = ()
        self.trouble = ""
        self.pin_corrected = False
        self._act: asyncio.Task[None] | None = None
        self._acted_on: tuple[WaitingFor, str] | None = None
        self._not_before = 0.0

    def line(self) -> Line:
        """For the table."""
        return Line(self.sample, self.seen, self.stages, judged(self.sample, self.seen, self.live_before), self.trouble)

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it."""
        return self.seen is not None and self.seen.outcome is not None

    def wants(self) -> WaitingFor | None:
        """Return whom the card waits for, when no step acts on that already."""
        if self.seen is None or self.ended or time.monotonic() < self._not_before:
            return None
        busy = self._act is not None and not self._act.done()
        wait = (self.seen.waiting_for, self.seen.since)
        return None if busy or wait == self._acted_on else self.seen.waiting_for

    def begin(self, act: Act) -> None:
        """Does it beside everything else; a refusal is shown and tried again in a while."""
        if self.seen is not None:
            self._act = asyncio.create_task(self._tried(act, (self.seen.waiting_for, self.seen.since)))

    async def _tried(self, act: Act, wait: tuple[WaitingFor, str]) -> None:
        try:
            await act
        except Refused as refused:
            self.trouble, self._not_before = str(refused), time.monotonic() + TRY_AGAIN_S
        else:
            self.trouble, self._acted_on = "", wait


class Script:
    """Seller, reviewer and outlet in one: looks at all cards and does what each waits for."""

    def __init__(self, partner: Partner, reviewer: Reviewer, outsiders: Outsiders, journeys: list[Journey]) -> None:
        self._partner, self._reviewer, self._outsiders = partner, reviewer, outsiders
        self.journeys = journeys

    async def hand_in(self) -> None:
        """Registers each card with its issuer and submits its photo; keys are of this run, so that a run is repeatable."""
        run = new_id()
        for journey in self.journeys:
            await self._outsiders.register(journey.sample)
            journey.card_id = await self._partner.submit(journey.sample, f"demo-{run}-{journey.sample.photo}")

    async def look_and_act(self) -> None:
        """Look at all cards once; act for those that wait for a party played by the demo."""
        cards = await self._partner.look()
        for journey in self.journeys:
            before, journey.seen = journey.seen, cards.get(journey.card_id)
            if journey.seen != before and journey.card_id:
                journey.stages = tuple(await self._partner.stages(journey.card_id))
            act = self._act_for(journey)
            if act is not None:
                journey.begin(act)

    def _act_for(self, journey: Journey) -> Act | None:
        acts = {
            WaitingFor.SELLER_FIELDS: self._fill_in,
            WaitingFor.SELLER_ITEM: self._fill_in,
            WaitingFor.SELLER_CODE: self._enter_code,
            WaitingFor.SELLER_OFFER: self._accept,
            WaitingFor.REVIEWER: self._review,
            WaitingFor.OUTLET: self._confirm,
        }
        act = acts.get(journey.wants() or WaitingFor.MACHINE)
        return act(journey) if act else None

    async def _fill_in(self, journey: Journey) -> None:
        """What the photo does not show is typed; a worn PIN as well as it can be made out, which is wrong."""
        if "reviewer_corrects_pin" in journey.sample.needs:
            await self._partner.confirm_pin(journey.card_id, misread(journey.sample.pin or ""))
        else:
            await self._partner.confirm_fields(journey.card_id, journey.sample)

    async def _enter_code(self, journey: Journey) -> None:
        await self._partner.enter_code(journey.card_id, await self._outsiders.code_for(journey.sample))

    async def _accept(self, journey: Journey) -> None:
        if journey.seen and journey.seen.quote:
            await self._partner.accept(journey.card_id, journey.seen.quote)

    async def _review(self, journey: Journey) -> None:
        corrects = "reviewer_corrects_pin" in journey.sample.needs and not journey.pin_corrected
        await self._reviewer.decide(journey.card_id, journey.sample, corrects)
        journey.pin_corrected = journey.pin_corrected or corrects

    async def _confirm(self, journey: Journey) -> None:
        await self._outsiders.confirm_at_counter(journey.card_id, journey.sample)


def misread(pin: str) -> str:
    """Return the PIN with its last digit read wrongly, as a seller guesses at a worn one."""
    return pin[:-1] + str((int(pin[-1]) + 1) % 10) if pin else pin
