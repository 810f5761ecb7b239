"""The console over a real database, with the real review service; only Temporal is replaced, by what it would do."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from weakref import WeakKeyDictionary

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from PIL import Image, ImageDraw

from activities.review.tasks import Review
from database.session import Database
from domain.cards.facts import ReviewFacts
from domain.errors.general import TemporarilyUnavailable
from domain.people.roles import Role
from domain.sealing import KeyRing
from gateways.banks.formats import formats_in
from gateways.http import new_client
from gateways.pictures.store import PhotoStore
from gateways.webhooks import WebhookGateway
from reviewer_ui.app import CSRF_COOKIE, build
from reviewer_ui.services import ConsoleServices
from reviewer_ui.sessions import COOKIE, Sessions
from services.finance.bank_batches import BankBatches
from services.finance.payees import Payees
from services.notices.inbox import Channels, Notices
from services.people.passwords import ConsoleSignIn
from services.review.desk import review_desk
from tests.builders.banks import BANK_FORMATS
from tests.builders.passwords import QUICK
from tests.builders.settling import StraightRuns
from tests.pools import at_rest
from tests.reviewer_ui.waiting_cards import Cards
from tests.rooms import nobody_has_room
from tests.throttles import forget_tries

_TOKENS: WeakKeyDictionary[httpx.AsyncClient, tuple[str, str]] = WeakKeyDictionary()
MADE = itertools.count()
HTML = {"accept": "text/html", "accept-language": "en"}


class StraightDesk:
    """Tells the card at once, as its workflow would: the decision is applied; or Temporal is away."""

    def __init__(self, review: Review) -> None:
        self._review = review
        self.away = False
        self.told: list[tuple[str, str]] = []

    async def decide(self, card_id: str, task_id: str, decision_id: str) -> ReviewFacts:
        if self.away:
            raise TemporarilyUnavailable
        self.told.append((card_id, decision_id))
        return await self._review.apply(task_id, decision_id)

    async def payment_reported(self, card_id: str, key: str) -> None:
        if self.away:
            raise TemporarilyUnavailable
        self.told.append((card_id, key))


@dataclass
class House:
    """Everything a test of the console touches."""

    app: FastAPI
    database: Database
    keyring: KeyRing
    photos: PhotoStore
    desk: StraightDesk
    cards: Cards
    sessions: Sessions

    def browser(self, token: str = "") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        cookies = {COOKIE: token} if token else {}
        return httpx.AsyncClient(transport=transport, base_url="http://console.test", headers=HTML, cookies=cookies)

    async def as_(self, role: Role, name: str = "") -> httpx.AsyncClient:
        """A signed-in browser of a person with this one role."""
        return self.browser(await self.sessions.open(await self.cards.person(role, name)))


@pytest.fixture(scope="session")
def console_url(make_migrated: Callable[[str], str], worker: str) -> str:
    """Each module that imports this fixture has a database of its own by it, as pytest takes it for another fixture."""
    return make_migrated(f"console_{worker}_{next(MADE)}")


@pytest_asyncio.fixture
async def house(
    request: pytest.FixtureRequest, console_url: str, pool_of: Callable[[str], Database], tmp_path: Path
) -> AsyncIterator[House]:
    async with a_house(pool_of(console_url), tmp_path, keeps="browser" not in request.path.parts) as made:
        yield made
        await nobody_has_room(made.database)


@asynccontextmanager
async def a_house(
    database: Database,
    folder: Path,
    *,
    undo_s: int | None = 0,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    keeps: bool = False,
) -> AsyncIterator[House]:
    """A console over a migrated database, its photos in `folder`. Decisions leave at once unless `undo_s` says otherwise; `now` is the clock by which they are made.

    `keeps`: its connections stay open for the next test on this database.
    """
    keyring = KeyRing.generate()
    photos = PhotoStore(
        folder,
        lambda jpeg: keyring.seal(jpeg, purpose="photo", aad="test"),
        lambda kept: keyring.open(kept, purpose="photo", aad="test"),
    )
    review = review_desk(database, keyring, now, undo_s=undo_s)
    desk = StraightDesk(Review(database, keyring, now))
    services = ConsoleServices(
        database=database,
        keyring=keyring,
        photos=photos,
        review=review,
        payees=Payees(database, keyring),
        batches=BankBatches(database, keyring, formats_in(BANK_FORMATS)),
        desk=desk,  # type: ignore[arg-type]  # A desk without Temporal: the decision goes straight to the database.
        sign_in=ConsoleSignIn(database, QUICK),
        notices=Notices(database, keyring, Channels(None, WebhookGateway(new_client("")), "http://console.test")),
        settlements=StraightRuns(database, keyring, photos),  # type: ignore[arg-type]  # Without Temporal, as the desk.
        form_secret="s" * 32,
        pages_url="http://sellers.test",
    )
    cards = Cards(database, keyring, photos.write(picture()))
    await cards.empty_the_queue()
    await forget_tries(database)
    yield House(build(services), database, keyring, photos, desk, cards, Sessions(database))
    await (at_rest(database) if keeps else database.dispose())


def picture() -> bytes:
    """A card-like JPEG of 600 × 400 pixels."""
    image = Image.new("RGB", (600, 400), "navy")
    ImageDraw.Draw(image).rectangle((40, 200, 400, 240), fill="white")
    target = io.BytesIO()
    image.save(target, "JPEG")
    return target.getvalue()


async def post(browser: httpx.AsyncClient, path: str, **form: str | list[str]) -> httpx.Response:
    """Sends a form as a browser does: with the token of a page it was given."""
    return await browser.post(path, data={"csrf": await form_token(browser), **form})


async def form_token(browser: httpx.AsyncClient) -> str:
    """The token of any page; the same one until the cookie that it belongs to changes."""
    nonce, token = _TOKENS.get(browser, ("", ""))
    if not token or browser.cookies.get(CSRF_COOKIE) != nonce:
        page = await browser.get("/sign-in")
        found = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert found is not None
        token = found[1]
        _TOKENS[browser] = (browser.cookies[CSRF_COOKIE], token)
    return token
