"""Signing in through a provider over real HTTP: whom it vouches for gets in, and whatever does not fit says why not."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio
from joserfc.jwk import ECKey, RSAKey
from sqlalchemy import select

from database.tables.people import PersonIdentityRow, PersonRow
from domain.identifiers import new_id
from domain.people.roles import Role
from gateways.http import new_client
from gateways.identity_provider import IdentityProvider
from reviewer_ui.app import build
from reviewer_ui.people.oidc import COOKIE as SENT
from reviewer_ui.people.oidc import PROVIDER_ANSWER
from reviewer_ui.sessions import COOKIE, Person
from services.people.oidc import ProviderSignIn
from tests.cases import the_first
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.doors import authenticator, employed, proved_long_ago
from tests.reviewer_ui.id_provider import CLIENT_ID, CLIENT_SECRET, IdProvider, running
from tests.reviewer_ui.waiting_cards import NUMBER

CONSOLE = "http://console.test"


@dataclass
class Entrance:
    """The console with the provider at its door, and somebody employed here who sits at the provider."""

    house: House
    provider: IdProvider
    person: PersonRow

    async def sign_in(self, browser: httpx.AsyncClient, to: str = "/review") -> httpx.Response:
        """There and back: the console's answer to the provider's answer."""
        return await browser.get(await self.way_back(await browser.get("/sign-in/provider", params={"next": to})))

    async def way_back(self, sent: httpx.Response) -> str:
        """What the provider has the browser open, once it has been sent there."""
        assert sent.status_code == 303
        async with httpx.AsyncClient(trust_env=False) as plain:
            answer = await plain.get(sent.headers["location"])
        assert answer.headers["location"].startswith(f"{CONSOLE}{PROVIDER_ANSWER}?")
        return str(answer.headers["location"]).removeprefix(CONSOLE)

    async def signed_in(self, browser: httpx.AsyncClient) -> Person | None:
        return await self.house.sessions.person(browser.cookies.get(COOKIE) or "")


@pytest.fixture(scope="module")
def provider_program() -> Iterator[IdProvider]:
    with running() as provider:
        yield provider


@pytest_asyncio.fixture
async def entrance(house: House, provider_program: IdProvider) -> AsyncIterator[Entrance]:
    provider, person = provider_program, await employed(house, Role.SENIOR)
    provider.user = {"sub": new_id(), "email": person.email, "email_verified": True}
    provider.lies, provider.refuses, provider.broken, provider.signs_with = {}, "", False, None
    provider.in_token = provider.basic = provider.names_key = True
    provider.published = None
    provider.asked.clear()
    client = new_client(provider.issuer)
    known = IdentityProvider(client, provider.issuer, CLIENT_ID, CLIENT_SECRET, CONSOLE + PROVIDER_ANSWER)
    services = house.app.state.console.services
    door = ProviderSignIn(known, services.sign_in, "单点登录 SSO")
    yield Entrance(replace(house, app=build(replace(services, provider=door))), provider, person)
    await known.aclose()


async def test_provider_sign_in_works_and_binds_the_subject(entrance: Entrance) -> None:
    browser = entrance.house.browser()
    assert "Sign in with 单点登录 SSO" in (await browser.get("/sign-in")).text
    answer = await entrance.sign_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/review")
    person = await entrance.signed_in(browser)
    assert person is not None
    assert (person.id, person.way) == (entrance.person.id, "oidc")
    assert SENT not in browser.cookies
    asked = entrance.provider.asked[-1]
    assert (asked["response_type"], asked["code_challenge_method"], asked["scope"]) == ("code", "S256", "openid email profile")  # fmt: skip
    entrance.provider.user["email"] = "another@cardloop.test"
    again = entrance.house.browser()
    await entrance.sign_in(again)
    person = await entrance.signed_in(again)
    assert person is not None
    assert person.id == entrance.person.id


@pytest.mark.parametrize("basic", [True, False])
async def test_provider_may_take_its_secret_in_the_form_and_return_the_address_separately(
    entrance: Entrance, basic: bool
) -> None:
    entrance.provider.basic, entrance.provider.in_token = basic, False
    browser = entrance.house.browser()
    assert (await entrance.sign_in(browser)).headers["location"] == "/review"
    assert await entrance.signed_in(browser) is not None


@pytest.mark.parametrize(
    ("lies", "claim"),
    [
        ({"nonce": "another sign-in's"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"aud": "another-client"}, "aud"),
        ({"aud": [CLIENT_ID, "another-client"]}, "azp"),
        ({"iss": "http://elsewhere.test"}, "iss"),
        ({"exp": int(time.time()) - 3600}, "exp"),
        ({"exp": None}, "exp"),
        ({"sub": ""}, "sub"),
    ],
    ids=lambda given: given if isinstance(given, str) else None,
)
async def test_mismatched_token_signs_no_one_in(entrance: Entrance, lies: dict[str, Any], claim: str) -> None:
    entrance.provider.lies = lies
    browser = entrance.house.browser()
    answer = await entrance.sign_in(browser)
    assert (answer.status_code, f"could not be verified ({claim})" in answer.text) == (401, True)
    assert await entrance.signed_in(browser) is None


async def test_token_signed_by_another_key_signs_no_one_in(entrance: Entrance) -> None:
    entrance.provider.signs_with = RSAKey.generate_key(2048, {"kid": "first"})
    browser = entrance.house.browser()
    answer = await entrance.sign_in(browser)
    assert (answer.status_code, "(id_token)" in answer.text) == (401, True)
    assert await entrance.signed_in(browser) is None


async def test_provider_key_rotation_is_accepted(entrance: Entrance) -> None:
    await entrance.sign_in(entrance.house.browser())
    entrance.provider.key = RSAKey.generate_key(2048, {"kid": "second"})
    assert (await entrance.sign_in(entrance.house.browser())).headers["location"] == "/review"


OTHER = RSAKey.generate_key(2048, {"kid": "other"}).as_dict(private=False)
FOR_ENCRYPTION = {**OTHER, "use": "enc", "kid": "enc"}
BROKEN = {"kty": "RSA", "n": "!", "e": "AQAB", "kid": "broken"}
UNKNOWN = {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA", "kid": "later"}
OF_OTHER_KIND = ECKey.generate_key("P-256", {"kid": "ec"}).as_dict(private=False)


@pytest.mark.parametrize("names_key", the_first(1, [True, False]))
@pytest.mark.parametrize(
    "beside", [[OTHER], [FOR_ENCRYPTION], [BROKEN], [UNKNOWN], [OF_OTHER_KIND], [BROKEN, FOR_ENCRYPTION, OTHER]],
    ids=["two keys", "encryption key", "broken key", "unknown kind", "elliptic key", "all"],
)  # fmt: skip
async def test_valid_token_is_verified_among_other_published_keys(
    entrance: Entrance, beside: list[dict[str, Any]], names_key: bool
) -> None:
    entrance.provider.published = [*beside, entrance.provider.key.as_dict(private=False)]
    entrance.provider.names_key = names_key
    assert (await entrance.sign_in(entrance.house.browser())).headers["location"] == "/review"


@pytest.mark.parametrize(
    "said",
    the_first(3, [
        {"x5c": None, "x5t": 7, "x5u": []}, {"use": None}, {"key_ops": ["verify"]}, {"alg": None}, {"key_ops": None}, {"x5c": "no list"}, {"x5c": ["no certificate"]},
        {"use": None, "kid": None},
    ]),
    ids=str,
)  # fmt: skip
async def test_odd_metadata_of_a_single_key_does_not_refuse_a_valid_token(
    entrance: Entrance, said: dict[str, Any]
) -> None:
    entrance.provider.published = [{**entrance.provider.key.as_dict(private=False), **said}]
    assert (await entrance.sign_in(entrance.house.browser())).headers["location"] == "/review"


@pytest.mark.parametrize(
    "said", [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "RSA-OAEP"}, {"alg": "HS256"}], ids=str
)
async def test_key_of_another_use_signs_no_one_in(entrance: Entrance, said: dict[str, Any]) -> None:
    entrance.provider.published = [{**entrance.provider.key.as_dict(private=False), **said}]
    assert (await entrance.sign_in(entrance.house.browser())).status_code == 401


async def test_forged_token_without_key_id_is_refused(entrance: Entrance) -> None:
    entrance.provider.published = [OTHER, entrance.provider.key.as_dict(private=False)]
    entrance.provider.names_key, entrance.provider.signs_with = False, RSAKey.generate_key(2048, {"kid": "first"})
    assert (await entrance.sign_in(entrance.house.browser())).status_code == 401


async def test_unverified_address_is_refused(entrance: Entrance) -> None:
    for verified in (False, None, "false"):
        entrance.provider.user["email_verified"] = verified
        browser = entrance.house.browser()
        answer = await entrance.sign_in(browser)
        assert (answer.status_code, "has not verified your e-mail address" in answer.text) == (403, True)
        assert await entrance.signed_in(browser) is None


async def test_unknown_address_creates_no_account(entrance: Entrance) -> None:
    entrance.provider.user["email"] = "stranger@cardloop.test"
    answer = await entrance.sign_in(entrance.house.browser())
    assert (answer.status_code, "there is no account here with your address" in answer.text) == (403, True)
    async with entrance.house.database.transaction() as session:
        known = select(PersonIdentityRow).where(PersonIdentityRow.subject == entrance.provider.user["sub"])
        assert (await session.execute(known)).first() is None


async def test_provider_response_is_accepted_once_in_the_same_browser(entrance: Entrance) -> None:
    browser, other = entrance.house.browser(), entrance.house.browser()
    way_back = await entrance.way_back(await browser.get("/sign-in/provider"))
    assert (await other.get(way_back)).status_code == 400
    await other.get("/sign-in/provider")  # Now that browser began one of its own, which is another.
    assert (await other.get(way_back)).status_code == 400
    kept = browser.cookies[SENT]
    assert (await browser.get(way_back)).status_code == 303
    await browser.post("/sign-out")
    replayed = entrance.house.browser()
    assert (await replayed.get(way_back)).status_code == 400
    replayed.cookies.set(SENT, kept)  # Somebody has the cookie too: then the provider's code is used up.
    answer = await replayed.get(way_back)
    assert (answer.status_code, "(invalid_grant)" in answer.text) == (403, True)
    assert await entrance.signed_in(other) is None
    assert await entrance.signed_in(replayed) is None


async def test_modified_state_is_refused(entrance: Entrance) -> None:
    browser = entrance.house.browser()
    way_back = await entrance.way_back(await browser.get("/sign-in/provider"))
    code = parse_qs(urlsplit(way_back).query)["code"][0]
    answer = await browser.get(PROVIDER_ANSWER, params={"code": code, "state": "forged"})
    assert (answer.status_code, "was started in another browser" in answer.text) == (400, True)


async def test_provider_error_code_is_shown_without_details(entrance: Entrance) -> None:
    entrance.provider.refuses = "access_denied"
    answer = await entrance.sign_in(entrance.house.browser())
    assert (answer.status_code, "(access_denied)" in answer.text) == (403, True)
    entrance.provider.refuses = "<b>call 555 now</b>"
    answer = await entrance.sign_in(entrance.house.browser())
    assert (answer.status_code, "call 555" in answer.text) == (403, False)


async def test_unreachable_provider_is_reported_and_passwords_still_work(entrance: Entrance) -> None:
    entrance.provider.broken = True
    answer = await entrance.house.browser().get("/sign-in/provider")
    assert (answer.status_code, "provider is unavailable" in answer.text, 'name="password"' in answer.text) == (
        503,
        True,
        True,
    )


async def test_provider_sign_in_is_hidden_when_not_configured(house: House) -> None:
    page = await house.browser().get("/sign-in/provider")
    assert page.status_code == 404
    assert "/sign-in/provider" not in (await house.browser().get("/sign-in")).text


async def test_a_sensitive_act_redirects_to_the_provider_to_confirm_identity(entrance: Entrance) -> None:
    waiting = await entrance.house.cards.waiting()
    browser = await proved_long_ago(entrance.house, entrance.person.id, "oidc")
    await entrance.house.cards.hold(waiting, entrance.person.id)
    reveal = {"field": "number", "reason_code": "call"}
    asked = await post(browser, f"/cards/{waiting.card_id}/reveal", **reveal)
    assert (asked.status_code, 'href="/step-up/provider"' in asked.text) == (403, True)
    assert 'name="step_up_password"' not in asked.text
    sent = await browser.get("/step-up/provider")
    assert (await browser.get(await entrance.way_back(sent))).headers["location"] == "/step-up/done"
    assert (entrance.provider.asked[-1]["prompt"], entrance.provider.asked[-1]["max_age"]) == ("login", "0")
    assert NUMBER in (await post(browser, f"/cards/{waiting.card_id}/reveal", **reveal)).text


@pytest.mark.parametrize("ago_s", [None, 3600])
async def test_old_provider_sign_in_does_not_confirm_identity(entrance: Entrance, ago_s: int | None) -> None:
    entrance.provider.lies = {"auth_time": None if ago_s is None else int(time.time()) - ago_s}
    browser = await proved_long_ago(entrance.house, entrance.person.id, "oidc")
    answer = await browser.get(await entrance.way_back(await browser.get("/step-up/provider")))
    assert (answer.status_code, "(auth_time)" in answer.text) == (401, True)
    fresh = entrance.house.browser()
    await entrance.sign_in(fresh)
    person = await entrance.signed_in(fresh)
    assert person is not None
    assert person.proved_at is None  # In, and asked before the first sensitive act.


async def test_identity_of_another_person_is_refused(entrance: Entrance) -> None:
    browser = await proved_long_ago(entrance.house, (await employed(entrance.house)).id, "oidc")
    answer = await browser.get(await entrance.way_back(await browser.get("/step-up/provider")))
    assert answer.status_code == 400
    waiting = await entrance.house.cards.waiting()
    reveal = await post(browser, f"/cards/{waiting.card_id}/reveal", field="number", reason_code="compare")
    assert reveal.status_code == 403


async def test_person_with_an_authenticator_is_asked_for_its_code(entrance: Entrance) -> None:
    await authenticator(entrance.house, entrance.person.id)
    browser, waiting = (
        await proved_long_ago(entrance.house, entrance.person.id, "oidc"),
        await entrance.house.cards.waiting(),
    )
    asked = await post(browser, f"/cards/{waiting.card_id}/reveal", field="number", reason_code="compare")
    assert 'name="step_up_code"' in asked.text
