"""Authenticator and proof in a real browser: set up and used by keyboard, asked for in a dialog over the card, without scripts too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pyotp
from playwright.async_api import Page
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.people.roles import Role
from gateways.http import new_client
from gateways.identity_provider import IdentityProvider
from reviewer_ui.app import build
from reviewer_ui.people.oidc import PROVIDER_ANSWER
from reviewer_ui.sessions import COOKIE
from services.people.oidc import ProviderSignIn
from tests.browser import axe
from tests.browser.console import desks
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.doors import PASSWORD, authenticator, employed, now_code, proved_long_ago
from tests.reviewer_ui.id_provider import CLIENT_ID, CLIENT_SECRET, running
from tests.reviewer_ui.waiting_cards import NUMBER

REASON = "call"
# The browser's own word about an answer of 403; what the page does with it is what is tested.
ITS_OWN_WORD = "Failed to load resource: the server responded with a status of 403 (Forbidden)"


async def test_authenticator_is_set_up_and_required_at_sign_in(house: House, browser_program: Path) -> None:
    person = await employed(house)
    async with desks(house, browser_program) as office, office.visit("") as at:
        await _sign_in(at.page, person.email)
        await at.page.click(".bar-menu > summary")
        await at.page.click(".bar-person")
        await at.page.click("form[action='/account/totp/begin'] button")
        assert await axe.faults(at.page) == []
        assert await at.page.locator(".totp-picture").bounding_box() is not None
        device = pyotp.TOTP(await at.page.inner_text(".totp code"))
        await at.page.fill(".totp [name=code]", now_code(device, -1))
        await at.page.keyboard.press("Enter")
        await at.page.wait_for_selector("form[action='/account/totp/off']")
        await at.page.click(".bar-menu > summary")
        await at.page.click("form[action='/sign-out'] button")
        await _sign_in(at.page, person.email)
        await at.page.wait_for_url("**/sign-in/code")
        assert await axe.faults(at.page) == []
        assert await at.page.evaluate("document.activeElement.name") == "code"
        await at.page.keyboard.type(now_code(device))
        await at.page.keyboard.press("Enter")
        await at.page.wait_for_selector(".home")
        assert at.complaints == []


async def test_reveal_confirms_in_a_dialog_and_continues_on_the_page(house: House, browser_program: Path) -> None:
    waiting, person = await house.cards.waiting(), await employed(house, Role.SENIOR)
    await house.cards.hold(waiting, person.id)
    device = await authenticator(house, person.id)
    token = (await proved_long_ago(house, person.id, "totp")).cookies[COOKIE]
    async with desks(house, browser_program) as office, office.visit(token) as at:
        await at.page.goto(f"/cards/{waiting.card_id}")
        await at.page.select_option("#reveal-reason", REASON)
        await at.page.click("button[name=field][value=number]")
        await at.page.wait_for_selector("dialog#step-up[open]")
        assert await axe.faults(at.page) == []
        assert await at.page.evaluate("document.activeElement.name") == "step_up_code"
        await at.page.keyboard.type("000000")
        await at.page.keyboard.press("Enter")
        await at.page.wait_for_selector("#step-up .refusal")
        await at.page.fill("[name=step_up_code]", now_code(device))
        await at.page.keyboard.press("Enter")
        await at.page.wait_for_selector(".secret code")
        assert await at.page.inner_text(".secret code") == NUMBER
        assert await at.page.locator("dialog#step-up[open]").count() == 0
        assert await at.page.input_value("#reveal-reason") == REASON
        assert [said for said in at.complaints if said != ITS_OWN_WORD] == []


async def test_step_up_works_without_scripts(house: House, browser_program: Path) -> None:
    waiting, person = await house.cards.waiting(), await employed(house, Role.SENIOR)
    await house.cards.hold(waiting, person.id)
    token = (await proved_long_ago(house, person.id)).cookies[COOKIE]
    async with desks(house, browser_program) as office, office.visit(token, scripts=False) as at:
        await at.page.goto(f"/cards/{waiting.card_id}")
        await at.page.select_option("#reveal-reason", REASON)
        await at.page.click("button[name=field][value=number]")
        await at.page.fill("[name=step_up_password]", PASSWORD)
        await at.page.keyboard.press("Enter")
        await at.page.wait_for_selector(".secret code")
        assert await at.page.inner_text(".secret code") == NUMBER
        assert REASON not in at.page.url


async def test_account_page_fits_on_a_phone(house: House, browser_program: Path) -> None:
    person = await employed(house)
    token = await house.sessions.open(person.id, browser="Chrome · Android", address="127.0.0.1")
    async with desks(house, browser_program) as office:
        for theme in ("light", "dark"):
            async with office.visit(token, theme=theme, locale="zh_CN", size={"width": 390, "height": 844}) as at:
                await at.page.goto("/account")
                assert await at.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
                assert await axe.faults(at.page) == []


async def test_step_up_by_a_provider_keeps_the_input(house: House, browser_program: Path) -> None:
    waiting, person = await house.cards.waiting(), await employed(house, Role.SENIOR)
    await house.cards.hold(waiting, person.id)
    later = _Later(house.app)
    with running("localhost") as provider:
        provider.asks = True
        provider.user = {"sub": person.id, "email": person.email, "email_verified": True}
        async with (
            new_client(provider.issuer) as client,
            desks(replace(house, app=later), browser_program) as office,  # type: ignore[arg-type]
            office.visit("") as at,
        ):
            later.app = _with(house, client, office.address)
            await at.page.goto(f"/cards/{waiting.card_id}")
            await at.page.click("a[href^='/sign-in/provider']")
            await at.page.click("#go")
            await at.page.wait_for_url(f"**/cards/{waiting.card_id}")
            await _prove_long_ago(house, person.id)
            await at.page.select_option("#reveal-reason", REASON)
            await at.page.click("button[name=field][value=number]")
            async with at.context.expect_page() as opened:
                await at.page.click("#step-up a[href='/step-up/provider']")
            await (await opened.value).click("#go")
            await (await opened.value).wait_for_url("**/step-up/done")
            await (await opened.value).close()
            await at.page.click("#step-up button[type=submit]")
            await at.page.wait_for_selector(".secret code")
            assert await at.page.inner_text(".secret code") == NUMBER
            assert [said for said in at.complaints if said != ITS_OWN_WORD] == []


class _Later:
    """Serves what is put into it once its address is known, because a provider is told that address."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


def _with(house: House, client: httpx.AsyncClient, address: str) -> ASGIApp:
    services = house.app.state.console.services
    known = IdentityProvider(
        client, str(client.base_url).rstrip("/"), CLIENT_ID, CLIENT_SECRET, address + PROVIDER_ANSWER
    )
    return build(replace(services, provider=ProviderSignIn(known, services.sign_in, "SSO")))


async def _prove_long_ago(house: House, person_id: str) -> None:
    await proved_long_ago(house, person_id)  # Every session of theirs, this browser's too.


async def _sign_in(page: Page, email: str) -> None:
    await page.goto("/sign-in")
    await page.fill("[name=email]", email)
    await page.fill("[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_load_state()
