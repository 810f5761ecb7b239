"""What Hypothesis chooses from: cards, faults, and the moods of gateways, receivers and banks."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.faults.money.gateway import Asked, Paying
from tests.faults.money.points import Break, Fault

CARDS = 4
PLACES_ABOUT = 10  # Of an act that was not measured.
# Hundredths of an act's places in no order: what Hypothesis likes best is the first, and no place is left out.
PLACES = st.sampled_from([(37 * number + 85) % 100 for number in range(100)])
FAULTS = st.none() | st.builds(Fault, PLACES, st.sampled_from(Break))
WHICH = st.sampled_from((0, 0, 0, 2, 3, 1))  # Most of what happens is to one card: it goes far.
LED = st.sampled_from((0, 0, 2, 3))  # The card that is brought some steps on its way before.
PAYING = st.sampled_from((Paying.PAYS, Paying.REFUSES, Paying.WORKS_ON_IT, *Paying))
# What the receiver of a transfer, and a bank, do while a gateway would pay so.
TURNS = {Paying.PAYS: "confirms", Paying.REFUSES: "expires"}
ENDS = {Paying.REFUSES: False, Paying.WORKS_ON_IT: None}
FIRST = st.sampled_from((Paying.PAYS, Paying.SILENT_AFTER, Paying.REFUSES, Paying.WORKS_ON_IT, Paying.SILENT_BEFORE))
ASKED = st.sampled_from(Asked)
HEARD = ("final", "again", "stale", "forged", "other amount", "nobody's")
# By what we hear of money that came back over Alipay, in which order.
NEWS = (
    ("notice", "asks"), ("bill",), ("bill", "notice", "asks"), ("notice", "bill", "asks"), ("notice", "asks", "bill"),
    ("asks", "bill", "notice"),
)  # fmt: skip
