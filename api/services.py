"""What the API is built from."""

from __future__ import annotations

from dataclasses import dataclass

from database.session import Database
from domain.finance.rails import Rail
from gateways.pictures.store import PhotoStore
from services.cards.intake import Intake
from services.cards.outlet_reports import OutletReports
from services.finance.payees import Payees
from services.finance.payment_notifications import PaymentNotices
from services.people.partners import Partners
from services.support.conversation import Conversation
from services.support.files import TicketFiles
from services.support.mail_door import MailDoor
from services.support.opening import Opening
from web.demo_links import NO_LINKS, DemoLinks
from web.readiness import Ask, nothing_missing
from workflows.client import CardClient
from workflows.order_client import OrderClient
from workflows.settlement_client import SettlementClient


@dataclass(frozen=True)
class ApiServices:
    """`payments` and `outlets` hear what providers report; nothing here can move money."""

    database: Database
    intake: Intake
    desk: CardClient
    partners: Partners
    payees: Payees
    payments: PaymentNotices
    outlets: OutletReports
    opening: Opening
    conversation: Conversation
    files: TicketFiles
    photos: PhotoStore  # Where the files of statements are.
    settlements: SettlementClient
    orders: OrderClient  # Is notified of payment orders that are for no card.
    demo_links: DemoLinks = NO_LINKS
    mail: MailDoor | None = None  # Mail of customers that a mail server posts.
    ready: Ask = nothing_missing
    rails: tuple[Rail, ...] = (Rail.ALIPAY,)  # The ways of paying that sellers may choose.
