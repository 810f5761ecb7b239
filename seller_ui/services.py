"""What the seller pages are built from."""

from __future__ import annotations

from dataclasses import dataclass, field

from database.session import Database
from domain.finance.rails import Rail
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.cards.intake import Intake
from services.finance.confirmations import Confirmations
from services.finance.payees import Payees
from services.people.seller_sign_in import SellerSignIn
from services.support.callbacks import Callbacks
from web.demo_links import NO_LINKS, DemoLinks
from workflows.client import CardClient


@dataclass(frozen=True)
class SellerServices:
    """`signing_secret` signs session cookies and forms: at least 32 characters, the same in every process."""

    database: Database
    keyring: KeyRing
    photos: PhotoStore
    intake: Intake
    payees: Payees
    confirmations: Confirmations
    callbacks: Callbacks
    desk: CardClient
    sign_in: SellerSignIn
    signing_secret: str = field(repr=False)
    cookies_secure: bool = False
    demo_links: DemoLinks = NO_LINKS
    rails: tuple[Rail, ...] = (Rail.ALIPAY,)  # The ways of paying that sellers may choose.
    confirm_url: str = (
        ""  # Opens a transfer's confirmation; the package is put at its end. Empty: nothing opens it here.
    )
