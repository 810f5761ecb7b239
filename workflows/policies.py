"""Every timeout, retry and waiting time of the journey, by name. Task queues are named here too."""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict

from temporalio.common import RetryPolicy

CARDS_QUEUE = "cards"  # Card workflows, and what touches the database alone.
# Workflows of repairs, tickets and settlements: few, and people wait for them. They do not queue behind thousands of cards,
# above all a repair not behind those that it sets going. Runs from before this queue stay on the cards' own.
DESK_QUEUE = "desk"
READING_QUEUE = "reading"  # Photographs; the only process that loads the OCR engine.
# Each provider has a queue of its own: its rate limit and its maintenance hold over all workers, and one that is slow
# delays no other card.
OUTLET_QUEUE, FX_QUEUE, PAYOUT_QUEUE = "outlet", "fx", "payout"


def issuer_queue(issuer: str, brand: str = "") -> str:
    """Return the queue of an issuer, or of one of several brands of an issuer."""
    return f"issuer-{issuer}{_part(issuer, brand)}"


def store_queue(issuer: str, brand: str = "") -> str:
    """Return the queue of the tills that take an issuer's cards, or one of its brands."""
    return f"store-{issuer}{_part(issuer, brand)}"


def _part(issuer: str, brand: str) -> str:
    """A code holds no full stop. The brand that is named as its issuer uses the issuer's own queue."""
    return f".{brand}" if brand not in ("", issuer) else ""


class LocalPolicy(TypedDict):
    """Options of a step that touches only our database."""

    start_to_close_timeout: timedelta
    retry_policy: RetryPolicy
    local_retry_threshold: timedelta


class RemotePolicy(TypedDict):
    """Options of a call to the outside."""

    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta | None
    retry_policy: RetryPolicy


class BeatingPolicy(RemotePolicy):
    """Options of a call that sends heartbeats: a worker that is killed is taken over when they stop."""

    heartbeat_timeout: timedelta


class PaymentPolicy(BeatingPolicy):
    """Options of a call to the payment gateway."""


# PostgreSQL may be away for hours: tried for ever. Waits above two seconds become durable timers, so that an outage
# does not fill the history with workflow-task heartbeats.
DATABASE = LocalPolicy(
    start_to_close_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=200), backoff_coefficient=2, maximum_interval=timedelta(seconds=30)
    ),
    local_retry_threshold=timedelta(seconds=2),
)

# Four heartbeats that do not come: another worker has the step within ten seconds, its pause before the next attempt included.
SILENCE = timedelta(seconds=6)

# A photo that cannot be read in five tries is put before the seller, who types the fields instead.
READ_PHOTOS = BeatingPolicy(
    start_to_close_timeout=timedelta(seconds=60),
    heartbeat_timeout=SILENCE,
    schedule_to_close_timeout=timedelta(minutes=15),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30), maximum_attempts=5
    ),
)

# The issuer is asked briskly while the seller looks on ...
ASK = RemotePolicy(
    start_to_close_timeout=timedelta(seconds=10),
    schedule_to_close_timeout=timedelta(seconds=45),
    retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10)),
)
# ... then patiently, as long as a maintenance window may last, and then a person decides without it.
ASK_PATIENTLY = RemotePolicy(
    start_to_close_timeout=timedelta(seconds=10),
    schedule_to_close_timeout=timedelta(hours=6),
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=10), maximum_interval=timedelta(minutes=2)),
)


def after_maintenance(remaining: timedelta) -> RemotePolicy:
    """Return the policy for a party in maintenance, which is not silent: ask it patiently from the end of its window on."""
    patience = ASK_PATIENTLY["schedule_to_close_timeout"] or timedelta()
    return RemotePolicy(**{**ASK_PATIENTLY, "schedule_to_close_timeout": remaining + patience})


# Nothing is paid before the issuer has confirmed the card again, however long that takes.
RECHECK = RemotePolicy(
    start_to_close_timeout=timedelta(seconds=20),
    schedule_to_close_timeout=None,
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=2)),
)

# Without a rate there is no price: the desk is asked until it answers.
LOCK_RATE = RemotePolicy(
    start_to_close_timeout=timedelta(seconds=20),
    schedule_to_close_timeout=None,
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=2)),
)

# A statement's files take seconds; no page waits for them.
STATEMENT = RemotePolicy(
    start_to_close_timeout=timedelta(minutes=2),
    schedule_to_close_timeout=None,
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)),
)

# Sending money: the activity itself asks the gateway before it sends again; it never gives up and never doubles.
PAY = PaymentPolicy(
    start_to_close_timeout=timedelta(seconds=40),
    heartbeat_timeout=SILENCE,
    schedule_to_close_timeout=None,
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1)),
)
# Waiting as a retry policy: each try is one query, and the history grows by nothing while the answer is unknown.
RECONCILE = PaymentPolicy(
    start_to_close_timeout=timedelta(seconds=40),
    heartbeat_timeout=SILENCE,
    schedule_to_close_timeout=None,
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=2), backoff_coefficient=2, maximum_interval=timedelta(minutes=10)
    ),
)

# Acting on the next runs of a repair takes seconds; a killed worker is taken over when its heartbeats stop.
REPAIR_ACT = BeatingPolicy(
    start_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=timedelta(seconds=8),
    schedule_to_close_timeout=None,
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)),
)
# Looking at runs that are not proven may fail: the next look asks again.
REPAIR_LOOK = RemotePolicy(
    start_to_close_timeout=timedelta(minutes=1),
    schedule_to_close_timeout=None,
    retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30)),
)

SELLER_FIELDS_WAIT = timedelta(hours=24)  # The seller checks what was read.
SELLER_CODE_WAIT = timedelta(minutes=30)  # The seller enters the issuer's code, resends included.
SELLER_ITEM_WAIT = timedelta(days=3)  # The seller sends one item again.
CODES_PER_CARD_MAX = 3  # The first and two resends.
