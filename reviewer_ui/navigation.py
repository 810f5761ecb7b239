"""Every page of the console in one list: the rail, the breadcrumbs and the search are made from it.

A page is added by one line in `PAGES`; its words are a key of `languages/locale/`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from domain.identifiers import short
from domain.people.roles import Permission
from languages import DEFAULT_LOCALE, has, keys

May = Callable[[Permission], bool]


class Area(StrEnum):
    """A part of the console, in the order of the rail; its words are `console.area.<value>`."""

    HOME = "home"
    REVIEW = "review"
    CARDS = "cards"
    SUPPORT = "support"
    OPERATIONS = "operations"
    MONEY = "money"
    MARKET = "market"
    RISK = "risk"
    INSIGHT = "insight"
    SETTINGS = "settings"


@dataclass(frozen=True)
class ConsolePage:
    """One page: the key of its title, its route, its area, and who may open it (any of `allowed`; none: all staff).

    A page with an icon is on the rail. On a `dense` page the rail is collapsed until the person expands it.
    """

    key: str
    address: str
    area: Area
    allowed: frozenset[Permission] = frozenset()
    icon: str = ""
    dense: bool = False
    names: str = ""  # The family of words for the last part of its address, where that is a code.

    @property
    def fixed(self) -> bool:
        """Whether the route is an address as it is, without the id of something."""
        return "{" not in self.address

    def open_to(self, may: May) -> bool:
        """Return whether a person with these permissions may open it."""
        return not self.allowed or any(may(one) for one in self.allowed)


@dataclass(frozen=True)
class Action:
    """Something that the search offers to do: the form it posts, and who may (any of `allowed`; none: all staff)."""

    key: str
    address: str
    icon: str
    form: tuple[tuple[str, str], ...] = ()
    allowed: frozenset[Permission] = frozenset()

    def open_to(self, may: May) -> bool:
        """Return whether a person with these permissions may do it."""
        return not self.allowed or any(may(one) for one in self.allowed)


@dataclass(frozen=True)
class RailLink:
    """A page on the rail; `current` when the open page lies in it."""

    page: ConsolePage
    current: bool


@dataclass(frozen=True)
class RailArea:
    """An area with the pages that this person may open; never empty."""

    area: Area
    links: tuple[RailLink, ...]


@dataclass(frozen=True)
class Crumb:
    """One step of the breadcrumbs; `facts` are what its words name."""

    key: str
    href: str
    facts: Mapping[str, str] = field(default_factory=dict)


def _page(
    key: str, address: str, area: Area, *allowed: Permission, icon: str = "", dense: bool = False, names: str = ""
) -> ConsolePage:
    return ConsolePage(key, address, area, frozenset(allowed), icon, dense, names)


_ANSWERERS = (Permission.ANSWER_FOR_OPS, Permission.ANSWER_FOR_FINANCE, Permission.ANSWER_FOR_COMPLIANCE)
_BULK = (Permission.DECIDE, Permission.ASSIGN, Permission.ANSWER_CALLBACKS, Permission.ANSWER_TICKETS, *_ANSWERERS)
_QUEUES = (Permission.SEE_QUEUE, Permission.ANSWER_CALLBACKS, Permission.SEE_TICKETS)  # The queue of some kind of work.
_BOOKS_CHECKS = (Permission.SEE_OPERATIONS, Permission.SEE_BOOKS)
_REPAIRS = (Permission.SEE_OPERATIONS, Permission.CONFIRM_REPAIR)
PAGES: tuple[ConsolePage, ...] = (
    _page("console.nav.home", "/", Area.HOME, icon="home"),
    _page("console.notices.title", "/notices", Area.HOME),
    _page("console.search.title", "/search", Area.HOME),
    _page("console.nav.queue", "/review", Area.REVIEW, *_QUEUES, icon="inbox"),
    _page("console.views.title", "/review/views", Area.REVIEW, *_QUEUES),
    _page("console.bulk.result", "/review/bulk/{batch_id}", Area.REVIEW, *_BULK),
    _page("console.who.title", "/review/tasks/{task_id}/who", Area.REVIEW, Permission.SEE_QUEUE),
    _page("console.why_due.title", "/work/{task_id}/why-due", Area.REVIEW, Permission.SEE_CARD),
    _page("console.nav.second_review", "/second-review", Area.REVIEW, Permission.CHECK, icon="eye-check"),
    _page("console.nav.sample", "/quality/second", Area.REVIEW, Permission.CHECK, icon="eye"),
    _page("console.crumb.review", "/quality/second/{review_id}", Area.REVIEW, Permission.CHECK),
    _page("console.nav.quality", "/quality", Area.REVIEW, Permission.SEE_QUALITY, icon="award"),
    _page("console.nav.cards", "/cards", Area.CARDS, Permission.SEE_CARD, icon="gift-card"),
    _page("console.crumb.card", "/cards/{card_id}", Area.CARDS, Permission.SEE_CARD, dense=True),
    _page("console.glance.act", "/cards/{card_id}/glance", Area.CARDS, Permission.SEE_CARD),
    _page("console.why_due.title", "/cards/{card_id}/why-due", Area.CARDS, Permission.SEE_CARD),
    _page("console.crumb.seller", "/sellers/{owner_id}", Area.CARDS, Permission.SEE_SELLER),
    _page("console.nav.tickets", "/tickets", Area.SUPPORT, Permission.SEE_TICKETS, icon="ticket"),
    _page("console.crumb.ticket", "/tickets/{ticket_id}", Area.SUPPORT, Permission.SEE_TICKETS, dense=True),
    _page("ticket.new.title", "/support/new", Area.SUPPORT, Permission.ANSWER_TICKETS),
    _page("ticket.offers.title", "/support/offers", Area.SUPPORT, Permission.ANSWER_TICKETS),
    _page("ticket.templates.title", "/support/templates", Area.SUPPORT, Permission.ANSWER_TICKETS, icon="file-text"),
    _page("ticket.macros.title", "/support/macros", Area.SUPPORT, Permission.ANSWER_TICKETS, icon="list-check"),
    _page("console.nav.callbacks", "/callbacks", Area.SUPPORT, Permission.ANSWER_CALLBACKS, icon="phone"),
    _page("console.crumb.callback", "/callbacks/{task_id}", Area.SUPPORT, Permission.ANSWER_CALLBACKS),
    _page("console.privacy.title", "/tickets/{ticket_id}/privacy", Area.SUPPORT, Permission.PREPARE_COPY),
    _page("console.nav.escalations", "/escalations", Area.SUPPORT, *_ANSWERERS, icon="send"),
    _page("console.crumb.escalation", "/escalations/{escalation_id}", Area.SUPPORT, *_ANSWERERS),
    _page("escalation.ask", "/tickets/{ticket_id}/ask", Area.SUPPORT, Permission.ANSWER_TICKETS),
    _page("goodwill.propose", "/tickets/{ticket_id}/goodwill", Area.SUPPORT, Permission.ANSWER_TICKETS),
    _page("console.nav.money", "/money", Area.MONEY, Permission.SEE_BOOKS, icon="building-bank"),
    _page("goodwill.title", "/goodwill", Area.MONEY, Permission.LEAD_SUPPORT, Permission.AGREE_GOODWILL, icon="coins"),
    _page("ops.stuck.title", "/operations", Area.OPERATIONS, Permission.SEE_OPERATIONS, icon="alert-triangle"),
    _page("ops.cause.title", "/operations/stuck/{cause}", Area.OPERATIONS, Permission.SEE_OPERATIONS),
    _page("ops.run.title", "/operations/runs/{workflow_id}", Area.OPERATIONS, Permission.SEE_OPERATIONS),
    _page("ops.repairs.title", "/operations/repairs", Area.OPERATIONS, *_REPAIRS, icon="tool"),
    _page("ops.repair.new", "/operations/repairs/new", Area.OPERATIONS, Permission.REPAIR),
    _page("console.crumb.repair", "/operations/repairs/{repair_id}", Area.OPERATIONS, *_REPAIRS),
    _page("ops.repair.change", "/operations/repairs/{repair_id}/plan", Area.OPERATIONS, Permission.REPAIR),
    _page("ops.deliveries.title", "/operations/deliveries", Area.OPERATIONS, Permission.SEE_OPERATIONS, icon="send"),
    _page("ops.alerts.title", "/operations/alerts", Area.OPERATIONS, Permission.SEE_OPERATIONS, icon="bell"),
    _page("ops.health.title", "/operations/health", Area.OPERATIONS, Permission.SEE_OPERATIONS, icon="stethoscope"),
    _page("ops.invariants.title", "/operations/invariants", Area.OPERATIONS, *_BOOKS_CHECKS, icon="checks"),
    _page("ops.runbook.title", "/operations/runbook", Area.OPERATIONS, Permission.SEE_OPERATIONS),
    _page("ops.queues.title", "/operations/queues", Area.OPERATIONS, Permission.SEE_OPERATIONS, icon="server"),
    _page("ops.providers.title", "/operations/providers", Area.OPERATIONS, Permission.SEE_OPERATIONS, icon="plug"),
    _page("ops.providers.one", "/operations/providers/{provider}", Area.OPERATIONS, Permission.SEE_OPERATIONS),
    _page("ops.worker.title", "/operations/queues/workers/{name}", Area.OPERATIONS, Permission.SEE_OPERATIONS),
    _page("console.nav.accounts", "/money/accounts", Area.MONEY, Permission.SEE_BOOKS, icon="scale"),
    _page("money.account.title", "/money/accounts/{code}", Area.MONEY, Permission.SEE_BOOKS),
    _page("console.nav.journal", "/money/journal", Area.MONEY, Permission.SEE_BOOKS, icon="book"),
    _page("money.transaction.title", "/money/journal/{transaction_id}", Area.MONEY, Permission.SEE_BOOKS),
    _page("console.nav.months", "/money/periods", Area.MONEY, Permission.SEE_BOOKS, icon="calendar"),
    _page("console.nav.payouts", "/payouts", Area.MONEY, Permission.SEE_PAYOUTS, icon="coins"),
    _page("console.crumb.payout", "/payouts/{key}", Area.MONEY, Permission.SEE_PAYOUTS),
    _page("console.nav.owed", "/owed", Area.MONEY, Permission.SEE_PAYOUTS, icon="alert-circle"),
    _page("recon.title", "/reconciliation", Area.MONEY, Permission.SEE_PAYOUTS, icon="checks"),
    _page("recon.breaks", "/reconciliation/breaks", Area.MONEY, Permission.SEE_PAYOUTS),
    _page("recon.break", "/reconciliation/breaks/{break_id}", Area.MONEY, Permission.SEE_PAYOUTS),
    _page("suspense.title", "/reconciliation/suspense", Area.MONEY, Permission.SEE_PAYOUTS, icon="help"),
    _page("suspense.entry", "/reconciliation/suspense/entries/{entry_id}", Area.MONEY, Permission.SEE_PAYOUTS),
    _page("recon.statement", "/reconciliation/statements/{statement_id}", Area.MONEY, Permission.SEE_PAYOUTS),
    _page("recon.day", "/reconciliation/days/{source}/{day}", Area.MONEY, Permission.SEE_PAYOUTS),
    _page("held.title", "/held", Area.MONEY, Permission.SEE_PAYOUTS, icon="hourglass"),
    _page("rails.title", "/rails", Area.MONEY, Permission.SEE_PAYOUTS, Permission.SWITCH_RAILS, icon="route"),
    _page("claims.title", "/claims", Area.MONEY, Permission.SEE_PAYOUTS, icon="arrow-back-up"),
    _page("settlement.title", "/settlements", Area.MONEY, Permission.SEE_SETTLEMENTS, icon="scale"),
    _page("settlement.crumb", "/settlements/{run_id}", Area.MONEY, Permission.SEE_SETTLEMENTS),
    _page("counterparty.title", "/counterparties", Area.MONEY, Permission.SEE_SETTLEMENTS, icon="users"),
    _page("counterparty.new", "/counterparties/new", Area.MONEY, Permission.MANAGE_COUNTERPARTIES),
    _page("counterparty.crumb", "/counterparties/{party_id}", Area.MONEY, Permission.SEE_SETTLEMENTS),
    _page("console.batches.title", "/bank-batches", Area.MONEY, Permission.SEE_PAYOUTS, icon="building-bank"),
    _page("console.crumb.batch", "/bank-batches/{batch_id}", Area.MONEY, Permission.SEE_PAYOUTS),
    _page("sales.title", "/sales", Area.MONEY, Permission.SEE_SALES, icon="shopping-cart"),
    _page("sales.new", "/sales/new", Area.MONEY, Permission.RECORD_SALES),
    _page("sales.buyers", "/sales/buyers", Area.MONEY, Permission.SEE_SALES),
    _page("debts.title", "/sales/debts", Area.MONEY, Permission.SEE_SALES),
    _page("brokered.title", "/sales/brokered", Area.MONEY, Permission.SEE_SALES),
    _page("console.crumb.sale", "/sales/{sale_id}", Area.MONEY, Permission.SEE_SALES),
    _page("tax.title", "/tax", Area.MONEY, Permission.SEE_SALES, icon="receipt-yuan"),
    _page("fx.title", "/fx", Area.MONEY, Permission.SEE_SALES, icon="world"),
    _page("console.nav.trail", "/trail", Area.RISK, Permission.SEE_TRAIL, icon="shield-check"),
    _page("console.crumb.card", "/trail/{card_id}", Area.RISK, Permission.SEE_TRAIL),
    _page("console.nav.insight", "/insight", Area.INSIGHT, Permission.SEE_INSIGHT, icon="chart-bar"),
    _page("console.insight.support", "/insight/support", Area.INSIGHT, Permission.SEE_INSIGHT),
    _page("console.reading.title", "/insight/reading", Area.INSIGHT, Permission.SEE_QUALITY, icon="eye-check"),
    _page("console.shadow.title", "/insight/reading/shadow", Area.INSIGHT, Permission.SEE_QUALITY),
    _page("console.reasons", "/setup/reasons", Area.SETTINGS, Permission.MANAGE_REASONS, icon="list-check"),
    _page("console.nav.policies", "/setup/policies", Area.SETTINGS, Permission.SEE_POLICIES, icon="adjustments"),
    _page("console.crumb.policy", "/setup/policies/{code}", Area.SETTINGS, Permission.SEE_POLICIES, names="policy_kind"),
    _page("console.tuner.title", "/setup/reading", Area.SETTINGS, Permission.SEE_POLICIES, icon="eye-check"),
    _page("console.trial.title", "/setup/reading/try", Area.SETTINGS, Permission.TRY_READING, icon="camera"),
    _page("console.four_eyes.title", "/setup/four-eyes", Area.SETTINGS, Permission.SEE_QUALITY),
    _page("console.nav.access", "/setup/access", Area.SETTINGS, Permission.CONFIRM_ACCESS, icon="lock-open"),
    _page("console.nav.people", "/setup/people", Area.SETTINGS, Permission.MANAGE_PEOPLE, icon="users"),
    _page("console.people.add", "/setup/people/new", Area.SETTINGS, Permission.MANAGE_PEOPLE),
    _page("console.crumb.person", "/setup/people/{person_id}", Area.SETTINGS, Permission.MANAGE_PEOPLE),
    _page("console.account.title", "/account", Area.SETTINGS),
    _page("console.account.keys", "/account/keys", Area.SETTINGS),
    _page("console.preferences.title", "/account/notices", Area.SETTINGS),
    _page("console.people.absence_title", "/account/absence", Area.SETTINGS, *_QUEUES),
)  # fmt: skip

ACTIONS: tuple[Action, ...] = (
    Action("console.next", "/review/next", "hand-stop", allowed=frozenset({Permission.DECIDE})),
    Action(
        "ticket.next", "/review/next", "ticket", (("filter", "kind=ticket"),), frozenset({Permission.ANSWER_TICKETS})
    ),
    Action("console.blind.next", "/quality/second/next", "eye", allowed=frozenset({Permission.CHECK})),
    Action("console.theme.dark", "/theme", "moon", (("theme", "dark"), ("back", "/search"))),
    Action("console.theme.light", "/theme", "sun", (("theme", "light"), ("back", "/search"))),
    Action("console.sign_out", "/sign-out", "logout"),
)


@functools.cache
def searched() -> tuple[ConsolePage, ...]:
    """List the pages that can be found by their names: those with a fixed address, and those whose last part has words."""
    found: list[ConsolePage] = []
    for page in PAGES:
        if page.names:
            family, base = f"{page.names}.", page.address.rpartition("/")[0]
            words = sorted(key for key in keys(DEFAULT_LOCALE) if key.startswith(family))
            found += [replace(page, key=key, address=f"{base}/{key.removeprefix(family)}") for key in words]
        elif page.fixed:
            found.append(page)
    return tuple(found)


def rail(path: str, may: May) -> tuple[RailArea, ...]:
    """List the areas in which this person may open a page, with those pages; the innermost around `path` is current."""
    around = [page for page, _ in _chain(path) if page.icon]
    here = around[-1] if around else None
    shown = [page for page in PAGES if page.icon and page.open_to(may)]
    areas = ((area, [page for page in shown if page.area is area]) for area in Area)
    return tuple(
        RailArea(area, tuple(RailLink(page, page is here) for page in pages)) for area, pages in areas if pages
    )


def crumbs(path: str, may: May) -> tuple[Crumb, ...]:
    """List the pages from the outermost to the one at `path`, as far as this person may open them; none on the home page."""
    if path == "/":
        return ()
    return tuple(
        Crumb(_named(page, href), href, {"id": _short(href.rpartition("/")[2])})
        for page, href in _chain(path)
        if page.open_to(may)
    )


def _named(page: ConsolePage, href: str) -> str:
    own = f"{page.names}.{href.rpartition('/')[2]}"
    return own if page.names and has(own, DEFAULT_LOCALE) else page.key


def _short(identifier: str) -> str:
    """The short form of an id; of a work item's, that of the card that it is about."""
    card = re.search("[0-9A-Z]{26}", identifier)
    return short(card.group() if card else identifier)


def area_of(path: str) -> Area | None:
    """Return the area of the innermost page around `path`; None for what is no page."""
    return next((page.area for page, _ in reversed(_chain(path))), None)


def dense(path: str) -> bool:
    """Return whether the innermost page around `path` wants all the width there is."""
    return next((page.dense for page, _ in reversed(_chain(path))), False)


@functools.lru_cache(maxsize=256)  # Of one request several parts of the frame ask.
def _chain(path: str) -> tuple[tuple[ConsolePage, str], ...]:
    """Every page whose address is `path` or its beginning, the outermost first, each with its own part of the path."""
    parts = path.strip("/").split("/")
    prefixes = (parts[: length + 1] for length in range(len(parts)))
    found = ((_page_at(tuple(prefix)), "/" + "/".join(prefix)) for prefix in prefixes)
    return tuple((page, href) for page, href in found if page is not None)


def _page_at(parts: tuple[str, ...]) -> ConsolePage | None:
    """The page at exactly this address; one without an id in its route comes before one with."""
    fitting = [page for page, route in _routes() if len(route) == len(parts) and _fits(route, parts)]
    return min(fitting, key=lambda page: not page.fixed, default=None)


@functools.cache
def _routes() -> tuple[tuple[ConsolePage, tuple[str, ...]], ...]:
    return tuple((page, tuple(page.address.strip("/").split("/"))) for page in PAGES)


def _fits(route: Iterable[str], parts: Iterable[str]) -> bool:
    return all(wanted == part or wanted.startswith("{") for wanted, part in zip(route, parts, strict=True))
