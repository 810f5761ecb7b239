"""What the console needs of the rest of the platform; the composition root fills this in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from database.session import Database
from domain.finance.rails import Rail
from domain.ops.providers import Provider
from domain.people.roles import Role
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.finance.bank_batches import BankBatches
from services.finance.payees import Payees
from services.notices.inbox import Notices
from services.people.oidc import ProviderSignIn
from services.people.passwords import ConsoleSignIn
from services.review.desk import ReviewDesk
from web.demo_links import NO_LINKS, DemoLinks
from web.readiness import Ask, nothing_missing
from workflows.client import CardClient
from workflows.settlement_client import SettlementClient


@dataclass(frozen=True)
class ConsoleServices:
    """Everything the console calls. `form_secret` signs form tokens; `https` makes cookies Secure and sets HSTS."""

    database: Database
    keyring: KeyRing
    photos: PhotoStore
    review: ReviewDesk
    payees: Payees
    batches: BankBatches
    desk: CardClient
    sign_in: ConsoleSignIn
    notices: Notices
    settlements: SettlementClient
    form_secret: str = field(repr=False)
    https: bool = False
    temporal_url: str = ""  # Of the Temporal page, down to the namespace; empty: there is none.
    provider: ProviderSignIn | None = None  # Signs in through an identity provider; None: there is none.
    demo_links: DemoLinks = NO_LINKS
    calls_per_second: Callable[[Provider], float] | None = (
        None  # Most calls of one queue of a provider; None: not known.
    )
    passwords: bool = True  # False: all sign in through the provider.
    totp_required: frozenset[Role] = frozenset()  # Roles that require an authenticator.
    ready: Ask = nothing_missing
    pages_url: str = ""  # Where sellers' pages are, without a slash at the end; empty: not known.
    rails: tuple[Rail, ...] = (Rail.ALIPAY,)  # The ways of paying that may be chosen.
