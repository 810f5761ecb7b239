"""What the API is built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from database.session import Database
from services.cards.intake import Intake
from services.cards.outlet_reports import OutletReports
from services.finance.payees import Payees
from services.finance.payment_notifications import PaymentNotices
from services.people.partners import Partners
from workflows.client import CardClient


@dataclass(frozen=True)
class DemoLinks:
    """Where the rest of a demo runs: the console, and each simulator by its name; empty outside of one."""

    console: str = ""
    simulators: Mapping[str, str] = field(default_factory=dict)


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
    demo_links: DemoLinks = DemoLinks()
