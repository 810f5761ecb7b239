"""Macros: leads write them, agents see what one would do to a ticket, then do it all in one transaction or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.audit import by_person
from database.tables.people import PersonRow
from database.tables.support.desk import ReplyTemplateRow, TicketMacroRow
from database.tables.support.tickets import TicketRow
from database.tables.work import WorkItemRow
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.support import ChangedMeanwhile
from domain.identifiers import new_id
from domain.people.roles import Permission
from domain.support.macros import NOTE_MAX, AfterMacro, MacroSteps
from domain.support.reply_templates import NAME_MAX
from domain.support.tickets import TicketCategory
from domain.work.reason_codes import ReasonedAct
from domain.work.task import Priority
from services.people.permissions import require
from services.support import clocks, grams
from services.support.agents import changeable
from services.support.conversation import AfterReply, Reply, wait_for, write_reply
from services.support.desk import SupportDesk
from services.support.escalation_to_leads import raise_ticket
from services.support.history import happened
from services.support.notes import require_no_secret_of_cards
from services.support.sorting import Sorted, sort
from services.support.templates import filled
from services.work.assignment import given, require_able
from services.work.comments import write_on_item
from services.work.leases import end_lease, require_held
from services.work.reason_codes import require_reason
from services.work.secret_scan import require_no_number


@dataclass(frozen=True)
class MacroPreview:
    """Preview of a macro: the reply as it would be sent, and what blocks it."""

    macro_id: str
    name: str
    revision: int
    steps: MacroSteps
    reply: str
    refusal: Refusal | None


@dataclass(frozen=True)
class Macros:
    """The macros. `person` is a person's id."""

    desk: SupportDesk

    async def save(self, person: str, macro_id: str, name: str, steps: MacroSteps, revision: int = 0) -> str:
        """Write a macro, a new one for an empty id; return its id.

        Refuse NotAllowed without LEAD_SUPPORT, NotFound, FieldInvalid for a step that cannot be done or none at all,
        ReasonUnknown, SecretInWords, and ChangedMeanwhile for one that was changed since it was read (`revision`).
        """
        called = " ".join(name.split())
        if not called or len(called) > NAME_MAX:
            raise FieldInvalid(field="name", why="too_long" if called else "missing")
        require_no_number(called, steps.note)
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.LEAD_SUPPORT)
            await _require_steps(session, steps)
            now = self.desk.now()
            if macro_id:
                row = await _locked(session, macro_id)
                if row.revision != revision:
                    raise ChangedMeanwhile()
                row.name, row.steps, row.revision = called, steps.kept(), row.revision + 1
                row.changed_by, row.changed_at = person, now
            else:
                row = TicketMacroRow(id=new_id(), name=called, steps=steps.kept(), changed_by=person, changed_at=now)
                session.add(row)
            session.add(by_person(person, "console:macro:save", row.id, facts={"name": called, **steps.kept()}))
            return row.id

    async def use(self, person: str, macro_id: str, *, on: bool) -> None:
        """Take a macro out of use, or back into it. Refuse NotAllowed and NotFound."""
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.LEAD_SUPPORT)
            row = await _locked(session, macro_id)
            if row.active != on:
                row.active, row.revision, row.changed_by, row.changed_at = on, row.revision + 1, person, self.desk.now()
                session.add(by_person(person, f"console:macro:{'on' if on else 'off'}", row.id))

    async def preview(self, person: str, ticket_id: str, macro_id: str) -> MacroPreview:
        """Return what the macro would do now: it is done and undone again within one transaction, so that both agree.

        Refuse NotAllowed and NotFound; what blocks it is in the preview.
        """
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.ANSWER_TICKETS)
            row = await _in_use(session, macro_id)
            macro = MacroPreview(row.id, row.name, row.revision, MacroSteps.of(row.steps), "", None)
        try:
            async with self.desk.database.transaction() as session:
                raise _Undone(await self._do(session, person, ticket_id, macro.steps))
        except _Undone as undone:
            return MacroPreview(macro.macro_id, macro.name, macro.revision, macro.steps, undone.reply, None)
        except NotFound:
            raise
        except Refusal as refusal:
            return MacroPreview(macro.macro_id, macro.name, macro.revision, macro.steps, "", refusal)

    async def run(
        self, person: str, ticket_id: str, macro_id: str, *, revision: int, ticket_revision: int
    ) -> None:  # fmt: skip
        """Do what was previewed, all of it. For the holder of the ticket.

        Refuse ChangedMeanwhile where the macro or the ticket is not what was previewed, so that a form sent twice is done
        once; and what each of its acts is refused for.
        """
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.ANSWER_TICKETS)
            row = await _in_use(session, macro_id)
            ticket, _ = await changeable(session, person, ticket_id, self.desk.now())
            if row.revision != revision or ticket.revision != ticket_revision:
                raise ChangedMeanwhile()
            await self._do(session, person, ticket_id, MacroSteps.of(row.steps), macro_id)

    async def _do(
        self, session: AsyncSession, person: str, ticket_id: str, steps: MacroSteps, macro_id: str = ""
    ) -> str:
        """Every act in its order; returns the reply's words."""
        now = self.desk.now()
        ticket, task = await changeable(session, person, ticket_id, now)
        require_held(task, person, now)
        await require_able(session, person, task, now)
        happened(session, ticket, f"person:{person}", "macro_run", now, macro=macro_id)
        await sort(session, ticket, task, person, _sorted(steps), now)
        if steps.note:
            await require_no_secret_of_cards(session, self.desk.keyring, ticket.id, steps.note)
            await write_on_item(session, self.desk.keyring, task, person, steps.note)
            await grams.index(session, ticket.id)
        words = await self._answer(session, ticket, task, person, steps, now)
        if steps.assign_to:
            await require_able(session, steps.assign_to, task, now)
            end_lease(task)
            await given(session, task, steps.assign_to, now)
            happened(session, ticket, f"person:{person}", "assigned", now, to=steps.assign_to)
        if steps.escalate:
            await raise_ticket(session, ticket, task, person, steps.escalate, now)
        await clocks.follow(session, ticket, task, now, "resumed")
        return words

    async def _answer(
        self, session: AsyncSession, ticket: TicketRow, task: WorkItemRow, person: str, steps: MacroSteps, now: datetime
    ) -> str:
        after = AfterReply(steps.after)
        if steps.template_id:
            words = await filled(session, steps.template_id, ticket, task, person)
            await write_reply(
                session, self.desk.keyring, ticket, task, person, Reply(words, after, steps.solution), now
            )
            return words
        if after is AfterReply.SOLVE:
            await require_reason(session, ReasonedAct.SOLVE_TICKET, steps.solution)
        if after is not AfterReply.OPEN:
            await wait_for(session, ticket, task, person, after, steps.solution, now)
            what = "solved" if after is AfterReply.SOLVE else "waits_for_customer"
            happened(session, ticket, f"person:{person}", what, now)
        return ""


class _Undone(Exception):
    """Ends the transaction of a preview without a trace."""

    def __init__(self, reply: str) -> None:
        super().__init__()
        self.reply = reply


def _sorted(steps: MacroSteps) -> Sorted:
    return Sorted(
        TicketCategory(steps.category) if steps.category else None, steps.cause or None,
        Priority(steps.priority) if steps.priority else None,
    )  # fmt: skip


async def _require_steps(session: AsyncSession, steps: MacroSteps) -> None:
    """Refuse what no ticket could have done to it."""
    if steps.empty:
        raise FieldInvalid(field="steps", why="missing")
    choices = (("category", TicketCategory), ("priority", Priority), ("after", AfterMacro))
    for field, members in choices:
        if (chosen := getattr(steps, field)) and chosen not in [one.value for one in members]:
            raise FieldInvalid(field=field, why="not_a_choice")
    if len(steps.note) > NOTE_MAX:
        raise FieldInvalid(field="note", why="too_long")
    if steps.after == AfterMacro.SOLVE and (steps.assign_to or steps.escalate):
        raise FieldInvalid(field="after", why="solved_goes_nowhere")
    if steps.assign_to and steps.escalate:
        raise FieldInvalid(field="assign_to", why="escalated_to_leads")
    if steps.after == AfterMacro.SOLVE:
        await require_reason(session, ReasonedAct.SOLVE_TICKET, steps.solution)
    for act, code in ((ReasonedAct.TICKET_CAUSE, steps.cause), (ReasonedAct.ESCALATE, steps.escalate)):
        if code:
            await require_reason(session, act, code)
    if steps.template_id:
        template = await session.get(ReplyTemplateRow, steps.template_id[:64])
        if template is None or not template.active:
            raise FieldInvalid(field="template_id", why="not_a_choice")
    if steps.assign_to:
        receiver = await session.get(PersonRow, steps.assign_to[:26])
        if receiver is None or not receiver.active:
            raise FieldInvalid(field="assign_to", why="not_a_choice")


async def _in_use(session: AsyncSession, macro_id: str) -> TicketMacroRow:
    row = await session.get(TicketMacroRow, macro_id[:64])
    if row is None or not row.active:
        raise NotFound(macro=macro_id[:26])
    return row


async def _locked(session: AsyncSession, macro_id: str) -> TicketMacroRow:
    row = await session.get(TicketMacroRow, macro_id[:64], with_for_update=True)
    if row is None:
        raise NotFound(macro=macro_id[:26])
    return row
