"""Every page of the console with something on it: addresses with real ids, each with a person who may open it.

`PAGES` has a line for every route that answers GET with a page; `NO_PAGES` names the others and says what they are.
A new route needs a line in one of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import quote

import httpx

from database.repositories.notices import tell
from database.sealed import SELLER_PHONE
from database.tables.cards import SubmissionRow
from database.tables.columns import now
from database.tables.evidence import TreeHeadRow
from database.tables.people import AbsenceRow, SellerRow
from database.tables.platform import OutboxRow
from domain.finance.payout import PayoutState
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.people.roles import PERMISSIONS, Role
from reviewer_ui import navigation
from reviewer_ui.app import build
from reviewer_ui.half_signed_in import COOKIE as HALF_COOKIE
from services.work.saved_views import SavedViews
from tests.browser.money_pages import MONEY_PAGES
from tests.browser.one_page import OnePage
from tests.builders.banks import a_bank_batch
from tests.reviewer_ui.callbacks import a_request
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.doors import PASSWORD, authenticator, employed
from tests.reviewer_ui.escalation_scenes import questions_on_desks
from tests.reviewer_ui.four_eyes_scenes import staged
from tests.reviewer_ui.money_scenes import money_moved
from tests.reviewer_ui.ops_scenes import a_provider_in_maintenance, readings_and_alerts, stuck_runs, worker_processes
from tests.reviewer_ui.payment_scenes import payment_pages
from tests.reviewer_ui.policy_scenes import policy_that_waits
from tests.reviewer_ui.privacy_requests import a_privacy_request
from tests.reviewer_ui.quality_scenes import drawn
from tests.reviewer_ui.queue_scenes import change, person_with, send
from tests.reviewer_ui.reading_scenes import readings_labelled
from tests.reviewer_ui.reconciliation_scenes import reconciliation_of_every_kind
from tests.reviewer_ui.repair_scenes import repairs_in_every_state
from tests.reviewer_ui.returned_scenes import returned_pages
from tests.reviewer_ui.sale_scenes import sales_in_every_state
from tests.reviewer_ui.scenes import SAMPLES, show_photo
from tests.reviewer_ui.settlement_scenes import settlements_in_every_state
from tests.reviewer_ui.ticket_scenes import tickets_in_every_state
from tests.reviewer_ui.waiting_cards import Waiting

REVIEWER, SENIOR, OPS, SUPPORT, LEAD = Role.REVIEWER, Role.SENIOR, Role.OPS, Role.SUPPORT, Role.SUPPORT_LEAD
COMPLIANCE, ADMIN, FINANCE = Role.COMPLIANCE, Role.ADMIN, Role.FINANCE
CAUSE = "gateway_unavailable~verification.ask_issuer~issuer:jd~b1"
NOBODY, HALF_CODE, HALF_SET_UP = "nobody", "with a password alone", "with no authenticator yet"


_NAMED = (
    OnePage("/", SENIOR),
    OnePage("/", SUPPORT),  # Nothing waits.
    OnePage("/", COMPLIANCE),
    OnePage("/sign-in", NOBODY),
    OnePage("/sign-in", NOBODY, "/sign-in?next=/payouts"),
    OnePage("/sign-in/code", HALF_CODE),
    OnePage("/sign-in/set-up", HALF_SET_UP),
    OnePage("/sign-in/welcome", NOBODY, "/sign-in/welcome?link={link}"),
    OnePage("/sign-in/welcome", NOBODY, status=410),
    OnePage("/account", REVIEWER),
    OnePage("/account/absence", SENIOR),
    OnePage("/account/keys", SUPPORT),
    OnePage("/account/notices", OPS),
    OnePage("/notices", SENIOR),
    OnePage("/notices", SUPPORT),  # Empty.
    OnePage("/review", SENIOR, "/review?all=yes"),
    OnePage("/review", COMPLIANCE, "/review?all=yes"),
    OnePage("/review", REVIEWER, "/review?nothing=true&type=carrier"),
    OnePage("/review", SUPPORT, "/review?kind=callback"),
    OnePage("/operations", OPS),
    OnePage("/operations/stuck/{cause}", OPS, "/operations/stuck/" + quote(CAUSE, safe="")),
    OnePage("/operations/runs/{workflow_id}", OPS, "/operations/runs/card:{free}"),
    OnePage("/operations/queues", OPS),
    OnePage("/operations/repairs", OPS),
    OnePage("/operations/repairs", SENIOR, "/operations/repairs?state=waiting"),
    OnePage("/operations/repairs/new", OPS, "/operations/repairs/new?run=card:{free}"),
    OnePage("/operations/repairs/{repair_id}", OPS, "/operations/repairs/{repair}"),
    OnePage("/operations/repairs/{repair_id}", SENIOR, "/operations/repairs/{repair_waiting}"),
    OnePage("/operations/repairs/{repair_id}", OPS, "/operations/repairs/{repair_running}"),
    OnePage("/operations/repairs/{repair_id}", OPS, "/operations/repairs/{repair_suspended}"),
    OnePage("/operations/repairs/{repair_id}", OPS, "/operations/repairs/{repair_over}"),
    OnePage("/operations/repairs/{repair_id}/plan", OPS, "/operations/repairs/{repair}/plan"),
    OnePage("/operations/providers", OPS),
    OnePage("/operations/providers/{provider}", OPS, "/operations/providers/issuer:jd"),
    OnePage("/operations/providers/{provider}", ADMIN, "/operations/providers/outlet"),  # No calls, no maintenance.
    OnePage("/operations/queues/workers/{name}", OPS, "/operations/queues/workers/cards@here"),
    OnePage("/operations/queues/workers/{name}", OPS, "/operations/queues/workers/reading@here"),
    OnePage("/operations/deliveries", OPS),
    OnePage("/operations/health", OPS),
    OnePage("/operations/alerts", OPS),
    OnePage("/operations/runbook", ADMIN),
    OnePage("/callbacks/{task_id}", SUPPORT, "/callbacks/{callback}"),
    OnePage("/callbacks/{task_id}", SENIOR, "/callbacks/{callback}"),
    OnePage("/review", SUPPORT, "/review?kind=ticket"),
    OnePage("/review", SUPPORT, "/review?kind=ticket&waiting=yes"),
    OnePage("/tickets/{ticket_id}", SUPPORT, "/tickets/{ticket}"),
    OnePage("/tickets/{ticket_id}", SUPPORT, "/tickets/{ticket_free}"),
    OnePage("/tickets/{ticket_id}", SUPPORT, "/tickets/{ticket_offered}"),
    OnePage("/tickets/{ticket_id}", LEAD, "/tickets/{ticket_waiting}"),
    OnePage("/tickets/{ticket_id}", COMPLIANCE, "/tickets/{ticket_solved}"),
    OnePage("/tickets/{ticket_id}", SENIOR, "/tickets/{ticket_merged}"),
    OnePage("/work/{task_id}/why-due", SUPPORT, "/work/ticket:{ticket}:ticket:1/why-due"),
    OnePage("/support/offers", SUPPORT),
    OnePage("/support/offers", LEAD),  # Empty.
    OnePage("/support/templates", LEAD),
    OnePage("/support/macros", LEAD),
    OnePage("/tickets/{ticket_id}/privacy", COMPLIANCE, "/tickets/{privacy}/privacy"),
    OnePage("/escalations/{escalation_id}", OPS, "/escalations/{question}"),
    OnePage("/escalations/{escalation_id}", COMPLIANCE, "/escalations/{question_held}"),
    OnePage("/tickets/{ticket_id}/ask", SUPPORT, "/tickets/{asking_ticket}/ask"),
    OnePage("/review", OPS, "/review?kind=opsask"),
    OnePage("/review", SENIOR, "/review?kind=reviewask"),
    OnePage("/tickets/{ticket_id}/goodwill", SUPPORT, "/tickets/{asking_ticket}/goodwill"),
    OnePage("/review/views", SENIOR),
    OnePage("/review/views", REVIEWER),  # Empty.
    OnePage("/review/bulk/{batch_id}", SENIOR),
    OnePage("/review/tasks/{task_id}/who", ADMIN),
    OnePage("/second-review", SENIOR),
    OnePage("/cards", SUPPORT),
    OnePage("/cards", SUPPORT, "/cards?id=NOSUCHCARD", 404),
    OnePage("/cards/{card_id}", SENIOR, "/cards/{held}"),
    OnePage("/cards/{card_id}", REVIEWER, "/cards/{held}"),
    OnePage("/cards/{card_id}", REVIEWER, "/cards/{free}"),
    OnePage("/cards/{card_id}", SENIOR, "/cards/{staged}"),
    OnePage("/cards/{card_id}", SUPPORT, "/cards/{decided}"),
    OnePage("/cards/{card_id}/glance", SUPPORT, "/cards/{held}/glance"),
    OnePage("/cards/{card_id}/why-due", SUPPORT, "/cards/{held}/why-due"),
    OnePage("/work/{task_id}/why-due", SUPPORT, "/work/{callback}/why-due"),
    OnePage("/sellers/{owner_id}", SENIOR),
    OnePage("/search", SUPPORT),
    OnePage("/quality", SENIOR),
    OnePage("/setup/four-eyes", SENIOR),
    OnePage("/quality/second", REVIEWER),
    OnePage("/quality/second/{review_id}", SENIOR),
    OnePage("/insight", ADMIN),
    OnePage("/insight/support", ADMIN),
    *MONEY_PAGES,
    OnePage("/trail", COMPLIANCE),
    OnePage("/trail/{card_id}", OPS, "/trail/{decided}"),
    OnePage("/setup/access", COMPLIANCE),
    OnePage("/setup/access", ADMIN),
    OnePage("/setup/people", ADMIN),
    OnePage("/setup/people/new", ADMIN),
    OnePage("/setup/people/{person_id}", ADMIN),
    OnePage("/setup/reasons", ADMIN),
    OnePage("/setup/policies", SENIOR),
    OnePage("/setup/policies/{code}", ADMIN, "/setup/policies/limits"),
    OnePage("/setup/policies/{code}", COMPLIANCE, "/setup/policies/four-eyes"),
    OnePage("/setup/policies/{code}", ADMIN, "/setup/policies/velocity"),
    OnePage("/setup/policies/{code}", ADMIN, "/setup/policies/prices"),
    OnePage("/setup/policies/{code}", ADMIN, "/setup/policies/brands"),
    OnePage("/setup/policies/{code}", ADMIN, "/setup/policies/deadlines"),
    OnePage("/no-such-page", REVIEWER, status=404),
    OnePage("/payouts", REVIEWER, status=403),
)


def _remaining() -> tuple[OnePage, ...]:
    """Every page of the navigation that needs no id and is not named above, with the first role that may open it."""
    named = {one.route for one in _NAMED}
    rest = [page for page in navigation.PAGES if page.fixed and page.address not in named]
    return tuple(OnePage(page.address, _opener(page)) for page in rest)


def _opener(page: navigation.ConsolePage) -> Role:
    """The first role that may open it; finance, which needs an authenticator here, where nobody else may."""
    others = (role for role in Role if role is not FINANCE and page.open_to(PERMISSIONS[role].__contains__))
    return next(others, FINANCE)


PAGES = (*_NAMED, *_remaining())
FILES = (
    "/money/accounts.csv", "/money/accounts/{code}.csv", "/money/journal.csv", "/money/journal.beancount",
    "/insight/reading/figures.csv", "/insight/reading/confusions.csv", "/insight/reading/cases/{label_id}.jpg",
    "/insight/{figure}.csv", "/insight/support/{figure}.csv", "/quality/second/{review_id}/files/{file_id}", "/quality/figures.csv", "/quality/labels.csv",
    "/sales/debts/write-offs/{write_off_id}/evidence", "/sales/debts/refunds/{refund_id}/evidence", "/sales/brokered/payments/{payment_id}/evidence", "/sales/brokered/repayments/{repayment_id}/evidence", "/cards/{card_id}/files/{attachment_id}", "/work/{task_id}/files/{attachment_id}", "/tickets/{ticket_id}/files/{file_id}", "/setup/policies/{code}/export",
)  # fmt: skip
NO_PAGES = {
    **dict.fromkeys(FILES, "a file"),
    **dict.fromkeys(("/healthz", "/readyz"), "for machines"),
    "/sign-in/provider": "leads to the identity provider",
    "/sign-in/provider/answer": "leads from it to a page",
    "/step-up/provider": "leads to the identity provider",
    "/step-up/done": "a word in the dialog that asked who is there",
    "/live": "a stream",
    "/live/changed": "a part of the card's page",
    "/notices/bell": "a part of every page",
    "/review/next-preview": "a part of the card's page",
    "/people/called": "names for a list",
    **dict.fromkeys(("/cards/{card_id}/photos/{photo_id}", "/cards/{card_id}/photos/{photo_id}/preview"), "a picture"),
    "/tickets/{ticket_id}/beside": "a part of the ticket's page",
    "/tickets/{ticket_id}/files/{file_id}": "a file",
    "/reconciliation/statements/{statement_id}/rejected.csv": "a file",
    "/reconciliation/suspense/clearings/{clearing_id}/evidence": "a file",
    **dict.fromkeys(("/insight/{figure}.csv", "/insight/support/{figure}.csv"), "a file"),
    "/setup/policies/{code}/export": "a file",
    "/quality/second/{review_id}/files/{file_id}": "a file",
    **{f"/payouts/{{key}}/{one}/evidence": "a file" for one in ("statements/{statement_id}", "parts/{part_id}")},
    **dict.fromkeys(("/claims/{claim_id}/evidence", "/claims/receipts/{receipt_id}/evidence"), "a file"),
    "/quality/second/asked/{escalation_id}": "leads to the review",
    "/settlements/{run_id}/statements/{version}/{name}": "a file",
    "/money/causes/{cause}": "leads to what caused a posting",
}


@dataclass
class Scene:
    """The ids that addresses name, and the cookies by which each person is known."""

    names: dict[str, str]
    cookies: dict[Role | str, dict[str, str]]


async def scene(house: House) -> Scene:
    """Fill the house: cards claimed, unclaimed, snoozed, staged and decided; notices, views, absences, a batch, a payout."""
    house.app = build(replace(house.app.state.console.services, totp_required=frozenset({FINANCE})))
    people = {role: await house.cards.person(role, role.value.title()) for role in Role}
    await authenticator(house, people[FINANCE])
    tokens = {role: await house.sessions.open(person) for role, person in people.items()}
    browsers = {role: house.browser(token) for role, token in tokens.items()}
    drawn_card, review_id = await _second_review(house, browsers[SENIOR])
    names = await _cards(house, browsers, people) | {"review_id": review_id, "decided": drawn_card.card_id}
    await house.cards.payout(drawn_card, PayoutState.UNKNOWN)
    await _around(house, people, names)
    names |= await money_moved(house, drawn_card, people[FINANCE])
    await policy_that_waits(house, people[ADMIN])
    await stuck_runs(house, names["free"], names["held"])
    names |= await questions_on_desks(house, people)
    names |= await repairs_in_every_state(house, names["free"], names["held"])
    await a_provider_in_maintenance(house, people[OPS])
    await worker_processes(house, people[ADMIN])
    await readings_and_alerts(house, people[OPS])
    await send(browsers[ADMIN], f"/setup/people/{people[SUPPORT]}/roles", role=["support", "finance"])
    names |= await payment_pages(house, people[OPS], drawn_card)
    names |= await returned_pages(house)
    names["owner_id"] = await _seller(house, names)
    await readings_labelled(house, names["decided"])
    names |= await sales_in_every_state(house)
    names |= await tickets_in_every_state(house, people[SUPPORT])
    names |= await reconciliation_of_every_kind(house)
    names |= await settlements_in_every_state(house)
    names["bank_batch"] = await a_bank_batch(house, drawn_card.card_id, people[FINANCE])
    names["privacy"] = await a_privacy_request(house)
    names["link"] = await _invitation(browsers[ADMIN], people[SUPPORT])
    cookies: dict[Role | str, dict[str, str]] = {role: {"cardloop_console": token} for role, token in tokens.items()}
    cookies |= {NOBODY: {}, HALF_CODE: await _half(house, SUPPORT), HALF_SET_UP: await _half(house, FINANCE)}
    return Scene(names | {"person_id": people[REVIEWER]}, cookies)


async def _second_review(house: House, senior: httpx.AsyncClient) -> tuple[Waiting, str]:
    """A decided card that two reviewers differ about; the senior has it before them."""
    waiting, _, review_id = await drawn(house)
    bo = await house.as_(REVIEWER, "Bo")
    await post(bo, "/quality/second/next")
    told = {"outcome": "reject", "reason": "forged", "note": "the edge is blurred"}
    await post(bo, f"/quality/second/{review_id}/decide", **told)
    return waiting, review_id


async def _cards(
    house: House, browsers: Mapping[Role, httpx.AsyncClient], people: Mapping[Role, str]
) -> dict[str, str]:
    reasons = ("card_type", "low_confidence", "conflicting_answers", "high_value")
    held = await house.cards.waiting(reasons=reasons)
    await show_photo(house, held, SAMPLES["starbucks"])
    free, later = await house.cards.waiting(brand_code="hualian", due_in_min=-5), await house.cards.waiting()
    await post(browsers[SENIOR], f"/cards/{held.card_id}/take", task_id=held.task_id)
    await post(browsers[SENIOR], f"/cards/{held.card_id}/comments", words="the rim is worn")
    checked, _ = await staged(house)
    await change(house, free, escalated=True, escalation_reason="unsure", assigned_to=people[REVIEWER])
    sent = await send(
        browsers[SENIOR], "/review/bulk", act="snooze", moment="tomorrow", reason="call_store", task=[later.task_id, "card:NOBODY:review:1"]
    )  # fmt: skip
    assert sent.status_code == 303, sent.text
    return {
        "callback": await a_request(house, held), "held": held.card_id, "free": free.card_id, "staged": checked.card_id, "task_id": free.task_id,
        "batch_id": sent.headers["location"].rpartition("/")[2],
    }  # fmt: skip


async def _around(house: House, people: Mapping[Role, str], names: Mapping[str, str]) -> None:
    """Notices, a saved view, an absence with a stand-in, and a colleague with skills."""
    views = SavedViews(house.database)
    await views.save(people[SENIOR], "1 · 500+", "type=dining")
    await person_with(house, REVIEWER, "Lin", skill_types=["dining"], limit_minor=50_000)
    async with house.database.transaction() as session:
        if await session.get(TreeHeadRow, 1) is None:  # Heads are never changed nor removed.
            session.add(TreeHeadRow(size=1, root=b"\x5a" * 32, signature=b"\0" * 64, key_id="5bb54ca58581a9f5"))
        for kind in NoticeKind:
            await tell(session, [people[SENIOR]], kind, new_id(), card_id=names["held"])
        for person in (people[SENIOR], people[REVIEWER]):
            session.add(
                AbsenceRow(
                    id=new_id(), person_id=person, starts_at=now() + timedelta(days=9), ends_at=now() + timedelta(days=12), made_by=people[ADMIN]
                )
            )  # fmt: skip


async def _seller(house: House, names: Mapping[str, str]) -> str:
    """A seller with three cards, a payout, a message and a comment."""
    seller_id = new_id()
    sealed = SELLER_PHONE.seal(house.keyring, seller_id, "+8613800000021")
    seller = SellerRow(id=seller_id, phone_sealed=sealed, phone_index=new_id(), phone_masked="138****0021")
    async with house.database.transaction() as session:
        session.add(seller)
        for card in (names["held"], names["free"], names["decided"]):
            (await session.get_one(SubmissionRow, f"S{card}")).owner = f"seller:{seller.id}"
        session.add(OutboxRow(id=new_id(), kind="message", destination=f"seller:{seller.id}", topic="quote_ready"))
    return seller.id


async def _invitation(admin: httpx.AsyncClient, person: str) -> str:
    """What the link holds by which that person chooses a password."""
    page = await post(admin, f"/setup/people/{person}/invitation")
    found = re.search(r"/sign-in/welcome\?link=([^\"&]+)", page.text)
    assert found is not None, page.text
    return found[1]


async def _half(house: House, role: Role) -> dict[str, str]:
    """Return the cookie of a person after the password and before the six-digit code."""
    person = await employed(house, role)
    if role is not FINANCE:
        await authenticator(house, person.id)
    browser = house.browser()
    answer = await post(browser, "/sign-in", email=person.email, password=PASSWORD)
    assert answer.status_code == 303, answer.text
    return {HALF_COOKIE: browser.cookies[HALF_COOKIE]}
