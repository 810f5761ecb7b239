"""The API on a real database with the real intake and partners; the desk and what providers' gateways say are played."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from api.app import build
from api.services import ApiServices
from database.session import Database
from domain.cards.facts import NotificationVerdict, PaymentReport
from domain.errors.base import Refusal
from domain.errors.general import SignatureInvalid
from domain.finance.order_kinds import Journey
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.cards.intake import Intake
from services.cards.outlet_reports import OutletHeard
from services.finance.payees import Payees
from services.people.partners import Partners
from services.support.conversation import Conversation
from services.support.desk import SupportDesk
from services.support.files import TicketFiles
from services.support.opening import Opening
from tests.builders.settling import StraightRuns
from tests.seller_ui.conftest import PlayedDesk
from tests.throttles import forget_tries


class ApiDesk(PlayedDesk):
    """Also receives what providers report."""

    async def outlet_reported(self, card_id: str, request_id: str, confirmed: bool) -> None:
        self._hear("outlet_reported", card_id, request_id, confirmed)

    async def payment_reported(self, card_id: str, key: str) -> None:
        self._hear("payment_reported", card_id, key)

    async def reported(self, journey: Journey) -> None:
        self._hear("reported", journey.code.value, journey.subject)


@dataclass
class PlayedPayments:
    """Believes every form that carries the right signature."""

    refuses: Refusal | None = None
    waited_for: bool = True
    key: str = "card-CARD-payout-1"
    kept: list[bytes] = field(default_factory=list)

    async def receive(self, body: bytes) -> PaymentReport:
        if self.refuses is not None:
            raise self.refuses
        if b"sign=right" not in body:
            raise SignatureInvalid(why="signature")
        self.kept.append(body)
        return PaymentReport("CARD", self.key, NotificationVerdict.ACCEPTED, waited_for=self.waited_for)


class PlayedOutlets:
    """Believes every body with the right signature."""

    async def receive(self, body: bytes, signature: str | None) -> OutletHeard | None:
        if signature != "right":
            raise SignatureInvalid(why="signature")
        return OutletHeard("CARD", "request", True) if body else None


@dataclass(frozen=True)
class Api:
    """The API as a partner has it: a client that carries its key, and the services behind it."""

    client: httpx.AsyncClient
    services: ApiServices
    desk: ApiDesk
    payments: PlayedPayments
    partner_id: str
    keyring: KeyRing


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool_size=4)
    yield database
    await database.dispose()


@pytest.fixture
def desk() -> ApiDesk:
    return ApiDesk()


@pytest_asyncio.fixture(loop_scope="session")
async def api(database: Database, desk: ApiDesk, tmp_path: Path) -> AsyncIterator[Api]:
    await forget_tries(database)
    keyring, photos = KeyRing.generate(), PhotoStore(tmp_path / "photos", bytes, bytes)
    partners, payments = Partners(database, keyring), PlayedPayments()
    services = ApiServices(
        database=database,
        intake=Intake(database, keyring, photos),
        desk=desk,  # type: ignore[arg-type]
        partners=partners,
        payees=Payees(database, keyring),
        payments=payments,  # type: ignore[arg-type]
        outlets=PlayedOutlets(),  # type: ignore[arg-type]
        opening=Opening(SupportDesk(database, keyring, photos)),
        conversation=Conversation(SupportDesk(database, keyring, photos)),
        files=TicketFiles(database, photos),
        photos=photos,
        settlements=StraightRuns(database, keyring, photos),  # type: ignore[arg-type]
        orders=desk,  # type: ignore[arg-type]
    )
    partner_id, key = await partners.create("Partner of tests")
    headers = {"authorization": f"Bearer {key}", "accept-language": "en"}
    transport = httpx.ASGITransport(build(services), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://cardloop.test", headers=headers) as client:
        yield Api(client, services, desk, payments, partner_id, keyring)
