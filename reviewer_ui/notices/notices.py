"""Pages of a person's notifications and notification settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from database.tables.notices import NoticeRow
from database.tables.people import PersonRow
from domain.errors.general import FieldInvalid
from domain.notices.kinds import URGENT, NoticePreferences
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, SignedIn, see_other, shell
from services.notices.digest_text import Reader, page_of, sentence
from services.notices.inbox import DIGESTS, PAGE, URL_MAX, PreferencesForm
from web.locale import locale_of

router = APIRouter()
Word = Annotated[str, Form(max_length=20)]


@dataclass(frozen=True)
class Entry:
    """One notice as its reader sees it."""

    id: str
    text: str
    at: datetime
    page: str | None  # The page of what it is about, if that has one.
    urgent: bool
    read: bool
    lost: tuple[tuple[str, str], ...]  # By which channel, `mail` or `webhook`, it did not arrive, and why.


@dataclass(frozen=True)
class NoticesContext:
    """The list; `older` is the id to continue from, empty on the last page."""

    shell: Shell
    entries: tuple[Entry, ...]
    unread: int
    newest: str
    older: str


@dataclass(frozen=True)
class BellContext:
    """The bell of every page."""

    unread: int


@dataclass(frozen=True)
class PreferencesContext:
    """The preferences as they are kept, or as they were typed when something of them is `wrong`."""

    shell: Shell
    email: str
    mail_possible: bool
    digests: tuple[int, ...]
    timezone: str
    mail: bool
    webhook_url: str
    digest_minutes: int
    quiet_from: str
    quiet_until: str
    secret: str = ""
    wrong: str = ""
    saved: bool = False
    tried: dict[str, str] | None = field(default=None)


@router.get("/notices")
async def show(
    request: Request, console: At, person: SignedIn, before: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """Show the newest notices, or those before one of them."""
    notices = console.services.notices
    rows, names = await notices.page(person.id, before)
    reader = Reader(locale_of(request), ZoneInfo(person.timezone), names)
    context = NoticesContext(
        shell(request, person),
        tuple(entry_of(row, reader) for row in rows),
        await notices.unread(person.id),
        rows[0].id if rows and not before else "",
        rows[-1].id if len(rows) == PAGE else "",
    )
    return await console.answer(request, "notices/notices.html", context, block="content")


@router.get("/notices/bell")
async def bell(request: Request, console: At, person: SignedIn) -> Response:
    """Show the bell with the number of unread notices, as a fragment."""
    context = BellContext(await console.services.notices.unread(person.id))
    return await console.pages.render(request, "notices/_bell.html", context)


@router.post("/notices/read")
async def read_all(console: At, person: SignedIn, up_to: Annotated[str, Form(max_length=64)]) -> Response:
    """Marks all read that the page showed or could have shown, none that came since."""
    await console.services.notices.read_all(person.id, up_to)
    return see_other("/notices")


@router.post("/notices/{notice_id}/read")
async def read(console: At, person: SignedIn, notice_id: str, follow: Word = "") -> Response:
    """Marks one read; `follow` leads on to its card."""
    row = await console.services.notices.read(person.id, notice_id)
    return see_other((page_of(row) if follow else None) or "/notices")


@router.get("/account/notices")
async def preferences(
    request: Request, console: At, person: SignedIn, saved: Annotated[str, Query(max_length=5)] = ""
) -> Response:
    """Show this person's notification settings."""
    kept = await console.services.notices.preferences(person.id)
    context = await _preferences_context(request, console, person, _typed(kept), saved=saved == "yes")
    return await console.answer(request, "notices/preferences.html", context)


@router.post("/account/notices")
async def set_preferences(
    request: Request, console: At, person: SignedIn, mail: Word = "", webhook_url: Annotated[str, Form(max_length=2000)] = "",
    digest_minutes: Word = "15", quiet_from: Word = "", quiet_until: Word = "",
) -> Response:  # fmt: skip
    """Keeps the preferences; what cannot be kept is shown again as it was typed."""
    typed = (mail, webhook_url.strip()[: URL_MAX + 1], digest_minutes, quiet_from, quiet_until)
    try:
        await console.services.notices.set_preferences(person.id, _form(*typed))
    except FieldInvalid as refusal:
        context = await _preferences_context(request, console, person, typed, wrong=str(refusal.data["field"]))
        return await console.answer(request, "notices/preferences.html", context, status=refusal.http_status)
    return see_other("/account/notices?saved=yes")


@router.post("/account/notices/test")
async def try_out(request: Request, console: At, person: SignedIn) -> Response:
    """Sends a test message as the kept preferences say, and shows what became of it."""
    await console.notice_throttle.hit("test-notice", person.id)
    tried = await console.services.notices.try_out(person.id)
    kept = await console.services.notices.preferences(person.id)
    context = await _preferences_context(request, console, person, _typed(kept), tried=tried)
    return await console.answer(request, "notices/preferences.html", context)


def entry_of(row: NoticeRow, reader: Reader) -> Entry:
    """Word the notice as a sentence in the reader's language."""
    text = sentence(row.kind, row.card_id, row.facts, reader, row.task_id)
    lost = tuple((name, why) for name, why in (("mail", row.mail_lost), ("webhook", row.hook_lost)) if why)
    return Entry(row.id, text, row.at, page_of(row), row.kind in URGENT, row.read_at is not None, lost)


async def _preferences_context(
    request: Request, console: Console, person: Person, typed: tuple[str, str, str, str, str],
    *, wrong: str = "", saved: bool = False, tried: dict[str, str] | None = None,
) -> PreferencesContext:  # fmt: skip
    notices = console.services.notices
    async with console.services.database.transaction() as session:
        row = await session.get_one(PersonRow, person.id)
    mail, url, minutes, begins, ends = typed
    return PreferencesContext(
        shell=shell(request, person), email=row.email, mail_possible=notices.channels.mail is not None, digests=DIGESTS,
        timezone=row.timezone, mail=mail == "yes", webhook_url=url,
        digest_minutes=int(minutes) if minutes.isascii() and minutes.isdigit() else -1, quiet_from=begins, quiet_until=ends,
        secret=notices.webhook_secret(person.id, url) if url and not wrong else "", wrong=wrong, saved=saved, tried=tried,
    )  # fmt: skip


def _typed(kept: NoticePreferences) -> tuple[str, str, str, str, str]:
    begins, ends = (f"{one:%H:%M}" for one in kept.quiet) if kept.quiet else ("", "")
    return "yes" if kept.mail else "", kept.webhook_url or "", str(kept.digest_minutes), begins, ends


def _form(mail: str, url: str, minutes: str, begins: str, ends: str) -> PreferencesForm:
    """Raises FieldInvalid for a number or a time that is none."""
    if not (minutes.isascii() and minutes.isdigit()):
        raise FieldInvalid(field="digest_minutes", why="a number")
    return PreferencesForm(mail == "yes", url, int(minutes), _time(begins), _time(ends))


def _time(typed: str) -> time | None:
    if not typed:
        return None
    try:
        return time.fromisoformat(typed).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        raise FieldInvalid(field="quiet_hours", why="HH:MM") from None
