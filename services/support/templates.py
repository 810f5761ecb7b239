"""Reply templates: leads look after them, agents fill them from a ticket and read the result before it leaves."""

from __future__ import annotations

from dataclasses import dataclass

from babel.dates import format_datetime
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.template_values import values_of
from database.repositories.audit import by_person
from database.tables.support.desk import ReplyTemplateRow
from database.tables.support.tickets import TicketRow
from database.tables.work import WorkItemRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.support import ChangedMeanwhile, VariablesMissing, VariablesUnknown
from domain.identifiers import new_id
from domain.people.roles import Permission
from domain.places import BUSINESS_ZONE
from domain.support.reply_templates import (
    NAME_MAX,
    TEMPLATE_WORDS_MAX,
    Filled,
    TemplateVariable,
    fill,
    unknown_variables,
)
from domain.support.tickets import TicketCategory, TicketState
from services.people.permissions import require
from services.support.desk import SupportDesk
from services.work.secret_scan import require_no_number

_CLOCK = {"zh_CN": "M月d日 HH:mm", "en": "d MMM HH:mm"}


@dataclass(frozen=True)
class TemplateWords:
    """A template as it is written: `revision` is the one that was read, 0 for a new one."""

    name: str
    zh: str
    en: str
    category: TicketCategory | None = None
    revision: int = 0


@dataclass(frozen=True)
class ReplyTemplates:
    """The templates. `person` is a person's id."""

    desk: SupportDesk

    async def save(self, person: str, template_id: str, words: TemplateWords) -> str:
        """Write a template, a new one for an empty id; return its id.

        Refuse NotAllowed without LEAD_SUPPORT, NotFound, FieldInvalid (`name`, `zh`, `en`), VariablesUnknown, SecretInWords,
        and ChangedMeanwhile for one that was changed since it was read.
        """
        name, zh, en = _required("name", words.name, NAME_MAX), _words("zh", words.zh), _words("en", words.en)
        if unknown := unknown_variables((zh, en)):
            raise VariablesUnknown(names=", ".join(unknown))
        require_no_number(name, zh, en)
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.LEAD_SUPPORT)
            now = self.desk.now()
            if template_id:
                row = await _locked(session, template_id)
                if row.revision != words.revision:
                    raise ChangedMeanwhile()
                row.name, row.zh, row.en, row.category = name, zh, en, words.category
                row.revision, row.changed_by, row.changed_at = row.revision + 1, person, now
            else:
                row = ReplyTemplateRow(
                    id=new_id(), name=name, category=words.category, zh=zh, en=en, changed_by=person, changed_at=now
                )
                session.add(row)
            session.add(by_person(person, "console:reply_template:save", row.id, facts={"name": name}))
            return row.id

    async def use(self, person: str, template_id: str, *, on: bool) -> None:
        """Take a template out of use, or back into it. Refuse NotAllowed and NotFound."""
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.LEAD_SUPPORT)
            row = await _locked(session, template_id)
            if row.active != on:
                row.active, row.revision, row.changed_by, row.changed_at = on, row.revision + 1, person, self.desk.now()
                session.add(by_person(person, f"console:reply_template:{'on' if on else 'off'}", row.id))


async def filled(
    session: AsyncSession, template_id: str, ticket: TicketRow, task: WorkItemRow, person: str
) -> str:  # fmt: skip
    """Return the template's words for this ticket, in its language. Refuse NotFound and VariablesMissing."""
    found = await try_fill(session, template_id, ticket, task, person)
    if found.missing:
        raise VariablesMissing(names=", ".join(f"{{{one}}}" for one in found.missing))
    return found.words


async def try_fill(
    session: AsyncSession, template_id: str, ticket: TicketRow, task: WorkItemRow, person: str
) -> Filled:  # fmt: skip
    """Return the same words with what is missing. Refuse NotFound for an unknown template, or one that is out of use."""
    row = await session.get(ReplyTemplateRow, template_id[:64])
    if row is None or not row.active:
        raise NotFound(template=template_id[:26])
    values = await values_of(session, ticket, person)
    if ticket.state in (TicketState.NEW, TicketState.OPEN, TicketState.WAITING_INSIDE):
        local = task.due_at.astimezone(BUSINESS_ZONE)
        values[TemplateVariable.DUE] = format_datetime(local, _CLOCK[ticket.language], locale=ticket.language)
    return fill(row.zh if ticket.language == "zh_CN" else row.en, {name.value: value for name, value in values.items()})


async def _locked(session: AsyncSession, template_id: str) -> ReplyTemplateRow:
    row = await session.get(ReplyTemplateRow, template_id[:64], with_for_update=True)
    if row is None:
        raise NotFound(template=template_id[:26])
    return row


def _required(field: str, text: str, most: int) -> str:
    said = " ".join(text.split())
    if not said:
        raise FieldInvalid(field=field, why="missing")
    if len(said) > most:
        raise FieldInvalid(field=field, why="too_long")
    return said


def _words(field: str, text: str) -> str:
    said = text.strip().replace("\r\n", "\n")
    if not said:
        raise FieldInvalid(field=field, why="missing")
    if len(said) > TEMPLATE_WORDS_MAX:
        raise FieldInvalid(field=field, why="too_long")
    return said
