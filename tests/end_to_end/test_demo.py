"""Every sample card goes its whole way, twice; and no secret of any of them lies about afterwards."""

from __future__ import annotations

import base64
import re
import secrets as randomness
from collections.abc import Iterator

import httpx
import pytest
import pytest_asyncio

from bootstrap import keys
from bootstrap.demo.logins import PARTNER_KEY
from bootstrap.demo.partner import PAYEE
from bootstrap.demo.run import run_demo
from bootstrap.demo.samples import Sample, samples
from bootstrap.store import database
from domain.cards.card import CardType
from domain.people.roles import Role
from languages import LOCALES, has
from services.people.partners import Partners
from tests.disk import contents_of
from tests.faults.campaign import FAILING_CODE
from tests.whole import WHOLE, WholePlatform, until

pytestmark = [WHOLE, pytest.mark.timeout(320)]
CSRF = re.compile(r'name="csrf" value="([^"]+)"')
PAYEE_MASKED = b"138****0021"
NOT_KEPT = ("-shm", ".lock")
THIRD = 3
ROLES = len(Role)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def demo(whole: WholePlatform) -> bool:
    """The first run's verdict, of one sample for each way: what else is on the photos, tests/ocr reads."""
    return await run_demo(whole.settings, seconds_max=200, chosen=ONE_FOR_EACH_WAY)


async def test_a_sample_of_each_way_reaches_the_state_that_it_should(demo: bool, whole: WholePlatform) -> None:
    assert len(ONE_FOR_EACH_WAY) == 10
    assert {one.brand.card_type for one in ONE_FOR_EACH_WAY} == set(CardType)
    assert demo
    assert await whole.violations() == []


async def test_the_worked_example_is_quoted_and_paid_to_the_fen(demo: bool, whole: WholePlatform) -> None:
    ring = keys.load(whole.settings).keyring
    jd = next(one for one in samples() if one.photo == "jd-500.jpg")
    print_of_it = ring.fingerprint(jd.brand.issuer, jd.number)
    sql = "SELECT card.id, payout.amount_minor FROM card JOIN payout ON payout.card_id = card.id WHERE fingerprint = :print"
    [(card_id, paid)] = await whole.rows(sql, print=print_of_it)
    assert paid == 46_500
    assert [one["amount_minor"] for one in await whole.transfers(card_id)] == [46_500]


@pytest.mark.proof
async def test_every_sample_reaches_its_state_and_what_was_bought_is_refused(demo: bool, whole: WholePlatform) -> None:
    refused = 0
    for before in (ONE_FOR_EACH_WAY, samples()):
        assert await run_demo(whole.settings, seconds_max=200)
        again = "SELECT count(*) FROM card WHERE reason = 'card_already_submitted'"
        refused += len([one for one in before if one.outcome == "paid" and one.photo != "cup.jpg"])
        assert (await whole.rows(again))[0][0] == refused
    assert await whole.violations() == []


async def test_no_number_and_no_pin_lies_in_any_file(demo: bool, whole: WholePlatform) -> None:
    await whole.checkpoint()
    names, masked_in, found = set(), set(), set()
    for file, content in contents_of(whole.settings.state_dir):
        if file.name.endswith(NOT_KEPT):
            continue
        names.add(file.name)
        masked_in |= {part for part in file.parts if PAYEE_MASKED in content}
        found |= {(file.name, photo) for photo in _found_in(content)}
    # Every file that outlives a stop: database, Temporal's file with its log, photos, logs, simulators' state.
    assert {"temporal.db", "simulators.db", "api.log", "console.log", "worker-cards.log"} <= names
    # The scan sees what is not sealed, so it would see a secret that was not.
    assert "postgres" in masked_in
    assert found == set()


def test_the_scan_knows_a_secret_in_every_form() -> None:
    planted = next(one for one in samples() if one.photo == "walmart-1000.jpg")
    forms = [planted.number, planted.brand.grouped(planted.number), planted.number.encode().hex(), planted.pin or ""]
    encoded = [base64.b64encode(b"x" * shift + planted.number.encode() + b"yz").decode() for shift in range(3)]
    for form in (*forms, *encoded):
        assert _found_in(f'{{"some": "{form}"}}'.encode()) == {"walmart-1000.jpg"}, form


@pytest.mark.parametrize("share", [ROLES, pytest.param(THIRD, marks=pytest.mark.thorough)])
async def test_no_page_for_others_shows_a_number_or_a_pin(demo: bool, whole: WholePlatform, share: int) -> None:
    """Each role opens every list. Of the cards' pages, which roles share but for what they may do, each opens its part."""
    card_ids = [row[0] for row in await whole.rows("SELECT id FROM card ORDER BY id")]
    pages = 0
    for place, role in enumerate(Role):
        async with httpx.AsyncClient(base_url=whole.settings.console_url, follow_redirects=True) as http:
            await _sign_in(http, *whole.password(role))
            theirs = card_ids if role is Role.SENIOR else card_ids[place % share :: share]
            of_cards = [f"{at}{one}" for one in theirs for at in ("/cards/", "/trail?card=")]
            for path in ["/review", "/cards", "/payouts", "/trail", *of_cards]:
                page = await http.get(path)
                pages += page.is_success
                assert _found_in(page.content) == set(), (role, path)
    assert pages > len(card_ids) * 3 * THIRD // share


async def test_another_partner_learns_nothing(demo: bool, whole: WholePlatform) -> None:
    store = database(whole.settings)
    _, key = await Partners(store, keys.load(whole.settings).keyring).create(f"Other {randomness.token_hex(4)}")
    await store.dispose()
    submissions = await whole.rows("SELECT submission_id, id FROM card ORDER BY id")
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=whole.settings.api_url, headers=headers) as http:
        assert (await http.get("/v1/submissions")).json()["submissions"] == []
        for submission_id, card_id in submissions[:5]:
            for path in (
                f"/v1/submissions/{submission_id}",
                f"/v1/cards/{card_id}/story",
                f"/v1/submissions/{submission_id}/events",
            ):
                answer = await http.get(path)
                assert answer.status_code == 404, path
                assert _found_in(answer.content) == set()


async def test_the_owner_itself_sees_masks_alone(demo: bool, whole: WholePlatform) -> None:
    headers = {"authorization": f"Bearer {whole.secrets()[PARTNER_KEY]}"}
    async with httpx.AsyncClient(base_url=whole.settings.api_url, headers=headers) as http:
        shown = await http.get("/v1/submissions", params={"limit": 100})
    assert "•" in shown.text or "*" in shown.text
    assert _found_in(shown.content) == set()
    assert PAYEE["account"] not in shown.text


async def test_whatever_happened_has_words_in_both_languages(demo: bool, whole: WholePlatform) -> None:
    asked = "SELECT DISTINCT 'console.operation.' || operation FROM answer"
    told = "SELECT DISTINCT 'story.' || what FROM card_event"
    keys_met = {row[0] for sql in (asked, told) for row in await whole.rows(sql)}
    assert {(key, locale) for key in keys_met for locale in LOCALES if not has(key, locale)} == set()


async def test_after_the_demo_everything_has_ended(demo: bool, whole: WholePlatform) -> None:
    unended = (
        "SELECT card.id, stage, waiting_for FROM card JOIN submission ON submission.id = submission_id "
        "WHERE outcome IS NULL AND owner LIKE 'partner:%'"
    )

    async def none_left() -> bool:
        return await whole.rows(unended) == []

    await until(none_left, 20, lambda: unended)


async def test_no_workflow_of_the_demo_fails_by_its_own_code(demo: bool, whole: WholePlatform) -> None:
    """As one does that calls a step which no worker of its queue serves: settlements, repairs and tickets too."""
    paid = "SELECT count(*) FROM settlement_order WHERE state = 'paid'"

    async def is_paid() -> bool:
        return bool((await whole.rows(paid))[0][0])

    await until(is_paid, 60, lambda: paid)
    assert await whole.rows(FAILING_CODE) == []


def _way(sample: Sample) -> tuple[object, ...]:
    """What decides which steps a sample's card goes through, and how it ends."""
    return (
        sample.brand.card_type, sample.outcome, sample.reason, sample.needs, sample.left_minor < sample.face.amount_minor,
    )  # fmt: skip


def _found_in(content: bytes) -> set[str]:
    """The samples of which a number or PIN stands in these bytes, in whatever form."""
    return {photo for photo, forms in FORMS.items() if any(form in content for form in forms)} | {
        photo for photo, pin in PINS.items() if pin in content and _alone(pin).search(content)
    }


def _alone(pin: bytes) -> re.Pattern[bytes]:
    """A PIN is short: inside a hash, or as the fraction of a second, its digits mean nothing."""
    return re.compile(rb"(?<![0-9A-Za-z.])" + pin + rb"(?![0-9A-Za-z])")


def _forms(sample: Sample, secret: str) -> Iterator[bytes]:
    """Plain and grouped (a number), hexadecimal, and base 64 wherever it may start in a longer text."""
    plain = secret.encode()
    if secret == sample.number:
        grouped = sample.brand.grouped(secret)
        yield from (plain, grouped.encode(), grouped.replace(" ", "-").encode())
    yield from (plain.hex().encode(), plain.hex().upper().encode())
    for shift, skip in enumerate((0, 2, 3)):
        # The first characters mix with what stands before, the last with what comes after: both are left out.
        encoded = base64.b64encode(b"\0" * shift + plain)
        yield encoded[skip : len(encoded) - (0, 3, 2)[(shift + len(plain)) % 3]]


async def _sign_in(http: httpx.AsyncClient, login: str, password: str) -> None:
    form = CSRF.search((await http.get("/sign-in")).text)
    assert form is not None
    await http.post("/sign-in", data={"email": login, "password": password, "csrf": form[1]})


ONE_FOR_EACH_WAY = list({_way(one): one for one in reversed(samples())}.values())[::-1]
WITH_A_CARD = [one for one in samples() if one.photo != "cup.jpg"]
PINS = {one.photo: one.pin.encode() for one in WITH_A_CARD if one.pin}
FORMS = {
    one.photo: tuple({form for secret in (one.number, one.pin) if secret for form in _forms(one, secret)})
    for one in WITH_A_CARD
}
