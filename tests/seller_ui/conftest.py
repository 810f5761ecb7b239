"""The seller pages on a real database with the real intake; only the phone, the desk and Temporal behind it are played."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from database.sealed import SELLER_PHONE
from database.session import Database
from database.tables.people import SellerRow
from domain.cards.facts import CardToBuy, CodeChecked, CodeSent
from domain.cards.verification import DynamicCodeResult
from domain.errors.base import Refusal
from domain.errors.people import PhoneInvalid, SignInCodeWrong
from domain.identifiers import new_id
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from seller_ui.app import build
from seller_ui.services import SellerServices
from services.cards.intake import Intake
from services.finance.confirmations import Confirmations
from services.finance.payees import Payees
from services.people.rate_limit import Origin
from services.support.callbacks import Callbacks
from services.support.desk import SupportDesk
from tests.throttles import forget_tries

GOOD_CODE = "246810"
SECRET = "a secret for tests that is long enough"


@dataclass
class PlayedDesk:
    """Hears what pages tell a card; `refuses` answers the next call."""

    told: list[tuple[object, ...]] = field(default_factory=list)
    refuses: Refusal | None = None

    async def start(self, card: CardToBuy) -> None:
        self._hear("start", card.card_id)

    async def confirm_fields(self, card_id: str, revision: int) -> None:
        self._hear("confirm_fields", card_id, revision)

    async def supply_item(self, card_id: str, revision: int) -> None:
        self._hear("supply_item", card_id, revision)

    async def enter_code(self, card_id: str, code: str) -> CodeChecked:
        self._hear("enter_code", card_id, code)
        return CodeChecked(DynamicCodeResult.RIGHT, 3)

    async def resend_code(self, card_id: str) -> CodeSent:
        self._hear("resend_code", card_id)
        return CodeSent(2, "2030-01-01T00:00:00+00:00")

    async def answer_offer(self, card_id: str, quote_id: str, accept: bool) -> None:
        self._hear("answer_offer", card_id, quote_id, accept)

    async def withdraw(self, card_id: str, owner: str) -> None:
        self._hear("withdraw", card_id, owner)

    async def payment_reported(self, card_id: str, key: str) -> None:
        self._hear("payment_reported", card_id, key)

    def _hear(self, *told: object) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.told.append(told)


class PlayedSignIn:
    """Every phone number's code is the same."""

    def __init__(self, database: Database, keyring: KeyRing) -> None:
        self._database = database
        self._keyring = keyring
        self._sellers: dict[str, str] = {}

    async def send_code(self, phone: str, origin: Origin, locale: str) -> str:
        if not phone.lstrip("+").isdigit() or locale not in ("zh_CN", "en"):
            raise PhoneInvalid()
        assert origin.client
        return f"code-to-{phone}"

    async def check(self, phone: str, asked: Sequence[str], code: str, locale: str) -> str:
        if code != GOOD_CODE or f"code-to-{phone}" not in asked or locale not in ("zh_CN", "en"):
            raise SignInCodeWrong()
        if phone not in self._sellers:
            self._sellers[phone] = new_id()
            async with self._database.transaction() as session:
                seller_id = self._sellers[phone]
                sealed = SELLER_PHONE.seal(self._keyring, seller_id, f"+86{phone[-11:]}")
                session.add(
                    SellerRow(id=seller_id, phone_sealed=sealed, phone_index=seller_id, phone_masked="138****0021")
                )
        return self._sellers[phone]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool_size=4)
    yield database
    await database.dispose()


@pytest.fixture
def desk() -> PlayedDesk:
    return PlayedDesk()


@pytest.fixture
def services(database: Database, desk: PlayedDesk, tmp_path: Path) -> SellerServices:
    return played_services(database, desk, tmp_path)


def played_services(database: Database, desk: PlayedDesk, folder: Path) -> SellerServices:
    keyring = KeyRing.generate()
    photos = PhotoStore(folder / "photos", bytes, bytes)
    return SellerServices(
        database=database,
        keyring=keyring,
        photos=photos,
        intake=Intake(database, keyring, photos),
        payees=Payees(database, keyring),
        confirmations=Confirmations(database, keyring),
        callbacks=Callbacks(SupportDesk(database, keyring, photos)),
        desk=desk,  # type: ignore[arg-type]
        sign_in=PlayedSignIn(database, keyring),  # type: ignore[arg-type]
        signing_secret=SECRET,
    )


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(services: SellerServices) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a session."""
    await forget_tries(services.database)
    transport = httpx.ASGITransport(build(services))
    headers = {"accept": "text/html", "accept-language": "en"}
    async with httpx.AsyncClient(transport=transport, base_url="http://cardloop.test", headers=headers) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def browser(visitor: httpx.AsyncClient) -> httpx.AsyncClient:
    """A browser that a seller has signed in with."""
    from tests.seller_ui.pages import Page

    page = await Page.get(visitor, "/sign-in")
    page = await page.send("/sign-in", phone="13800000021")
    await page.send("/sign-in/code", code=GOOD_CODE)
    return visitor
