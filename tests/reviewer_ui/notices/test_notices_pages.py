"""A person's notices and preferences, as they meet them at the console."""

from __future__ import annotations

import re

import httpx
from sqlalchemy import update

from database.repositories.notices import tell
from database.tables.notices import NoticeRow
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.people.roles import Role
from gateways.http import new_client
from gateways.mail import MailGateway, MailServer
from gateways.webhooks import WebhookGateway
from services.notices.inbox import Channels, Notices
from tests.gateways.partners import mailbox
from tests.reviewer_ui.conftest import House, post


async def reader(house: House, role: Role = Role.SUPPORT) -> tuple[str, httpx.AsyncClient]:
    person = await house.cards.person(role)
    return person, house.browser(await house.sessions.open(person))


async def notified(house: House, person: str, kind: NoticeKind, card_id: str | None = None) -> None:
    async with house.database.transaction() as session:
        await tell(session, [person], kind, new_id(), card_id=card_id)


async def test_a_notice_is_counted_listed_opened_and_read(house: House) -> None:
    waiting = await house.cards.waiting()
    person, browser = await reader(house)
    assert "No notifications yet" in (await browser.get("/notices")).text
    await notified(house, person, NoticeKind.RETURNED, waiting.card_id)
    await notified(house, person, NoticeKind.BREACH, waiting.card_id)
    assert "Notifications (2 unread)" in (await browser.get("/notices/bell")).text
    page = (await browser.get("/notices")).text
    assert page.index("is overdue") < page.index("returned your decision")
    assert page.count("Urgent") == 1
    (first, second) = re.findall(r'action="/notices/([^"/]+)/read"', page)
    followed = await post(browser, f"/notices/{first}/read", follow="card")
    assert (followed.status_code, followed.headers["location"]) == (303, f"/cards/{waiting.card_id}")
    assert "Notifications (1 unread)" in (await browser.get("/notices/bell")).text
    assert (await post(browser, f"/notices/{second}/read")).headers["location"] == "/notices"
    assert "unread" not in (await browser.get("/notices/bell")).text


async def test_failed_external_delivery_is_shown_in_both_languages(house: House) -> None:
    person, browser = await reader(house)
    await notified(house, person, NoticeKind.UPHELD)
    assert "no longer retried" not in (await browser.get("/notices")).text
    async with house.database.transaction() as session:
        lost = {"mail_lost": "smtp_550", "hook_lost": "timeout"}
        await session.execute(update(NoticeRow).where(NoticeRow.person_id == person).values(**lost))
    page = (await browser.get("/notices")).text
    assert "E-mail delivery failed (smtp_550)" in page
    assert "Webhook delivery failed (timeout)" in page
    assert "邮件发送失败（smtp_550）" in (await browser.get("/notices", headers={"accept-language": "zh-CN"})).text


async def test_mark_all_read_covers_only_notices_on_the_page(house: House) -> None:
    person, browser = await reader(house)
    await notified(house, person, NoticeKind.STAND_IN)
    found = re.search(r'name="up_to" value="([^"]+)"', (await browser.get("/notices")).text)
    assert found is not None
    await notified(house, person, NoticeKind.UPHELD)
    await post(browser, "/notices/read", up_to=found[1])
    assert "Notifications (1 unread)" in (await browser.get("/notices/bell")).text


async def test_notice_of_another_person_is_not_found(house: House) -> None:
    person, browser = await reader(house)
    _, other = await reader(house)
    await notified(house, person, NoticeKind.STAND_IN)
    (notice,) = re.findall(r'action="/notices/([^"/]+)/read"', (await browser.get("/notices")).text)
    assert (await post(other, f"/notices/{notice}/read")).status_code == 404
    assert "1 unread" in (await browser.get("/notices/bell")).text


async def test_long_list_continues_on_the_next_page(house: House) -> None:
    person, browser = await reader(house)
    for _ in range(51):
        await notified(house, person, NoticeKind.STAND_IN)
    page = (await browser.get("/notices")).text
    older = re.search(r'href="(/notices\?before=[^"]+)"', page)
    assert older is not None
    rest = (await browser.get(older[1])).text
    assert (page.count('/read"'), rest.count("<li ")) == (50 + 1, 1)


async def test_preferences_are_stored_and_shown(house: House) -> None:
    _, browser = await reader(house)
    page = (await browser.get("/account/notices")).text
    assert "no mail server is set up" in page
    assert 'name="mail"' not in page
    answer = await post(
        browser, "/account/notices", webhook_url="https://hook.test/in", digest_minutes="30", quiet_from="22:00",
        quiet_until="07:30",
    )  # fmt: skip
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/notices?saved=yes")
    page = (await browser.get("/account/notices?saved=yes")).text
    assert 'value="https://hook.test/in"' in page
    assert 'value="30" selected' in page
    assert 'value="22:00"' in page
    assert 'value="07:30"' in page
    assert "Show the signing secret" in page


async def test_invalid_preferences_are_shown_as_entered(house: House) -> None:
    _, browser = await reader(house)
    typed = {
        "webhook_url": "http://169.254.169.254/",
        "digest_minutes": "30",
        "quiet_from": "22:00",
        "quiet_until": "7:30",
    }
    answer = await post(browser, "/account/notices", **(typed | {"quiet_until": "07:30"}))
    assert answer.status_code == 422
    assert 'value="http://169.254.169.254/"' in answer.text
    assert 'value="30" selected' in answer.text
    assert "https address without a user name" in answer.text
    for bad in (
        {"quiet_from": "22:00"},
        {"quiet_from": "25:00", "quiet_until": "1"},
        {"digest_minutes": "٣"},
        {"mail": "yes"},
    ):
        answer = await post(browser, "/account/notices", **bad)
        assert answer.status_code == 422, bad
    assert 'value="22:00"' not in (await browser.get("/account/notices")).text


async def test_test_message_shows_its_result_and_is_rate_limited(house: House) -> None:
    _, browser = await reader(house)
    nothing = await post(browser, "/account/notices/test")
    assert "No channel outside the console is turned on" in nothing.text
    async with mailbox() as box, new_client("") as client:
        # A port that nobody listens on: the mail cannot leave, and says so.
        mail = MailGateway(MailServer("127.0.0.1", 9, "a@b.test", tls="none"))
        channels = Channels(mail, WebhookGateway(client, allow_private=True), "", insecure_urls=True)
        notices = Notices(house.database, house.keyring, channels)
        object.__setattr__(house.app.state.console.services, "notices", notices)
        await post(browser, "/account/notices", mail="yes", webhook_url=box.url, digest_minutes="15")
        tried = await post(browser, "/account/notices/test")
        await box.holds(1)
    assert "not sent (connection)" in tried.text
    assert "Webhook: sent." in tried.text
    for _ in range(3):
        await post(browser, "/account/notices/test")
    assert (await post(browser, "/account/notices/test")).status_code == 429


async def test_the_bell_is_on_every_page_in_both_languages(house: House) -> None:
    _, browser = await reader(house)
    for language in ("en", "zh-CN"):
        page = await browser.get("/cards", headers={"accept-language": language})
        assert 'hx-get="/notices/bell"' in page.text
        assert 'sse-connect="/live"' in page.text
    signed_out = await house.browser().get("/sign-in")
    assert "/live" not in signed_out.text
