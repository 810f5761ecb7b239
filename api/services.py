"""What the API is built from."""

from __future__ import annotations

from dataclasses import dataclass

from activities.intake import Intake
from activities.outlets import Outlets
from activities.partners import Partners
from activities.payees import Payees
from activities.payment_notices import PaymentNotices
from database.session import Database
from workflows.desk import CardDesk


@dataclass(frozen=True)
class ApiServices:
    """`payments` and `outlets` hear what providers report; nothing here can move money."""

    database: Database
    intake: Intake
    desk: CardDesk
    partners: Partners
    payees: Payees
    payments: PaymentNotices
    outlets: Outlets
