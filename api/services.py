"""What the API is built from."""

from __future__ import annotations

from dataclasses import dataclass

from activities.intake import Intake
from activities.outlets import Outlets
from activities.partners import Partners
from activities.payout import Payout
from database.session import Database
from workflows.desk import CardDesk


@dataclass(frozen=True)
class ApiServices:
    """`payout` and `outlets` are needed only for what providers report; the API itself moves no money."""

    database: Database
    intake: Intake
    desk: CardDesk
    partners: Partners
    payout: Payout
    outlets: Outlets
