"""Which reveals compliance is notified of."""

from __future__ import annotations

import pytest

from domain.review.reveals import RevealPolicy, UnusualReading, unusual

POLICY = RevealPolicy("test", per_hour_max=10, shown_alert_at=8, refused_alert_at=3)


@pytest.mark.parametrize(
    ("shown", "refused", "elsewhere", "why"),
    [
        (7, 0, False, None), (8, 0, False, UnusualReading.NEAR_LIMIT),
        (0, 2, False, None), (0, 3, False, UnusualReading.REFUSED_OFTEN),
        (0, 1, True, UnusualReading.ELSEWHERE), (8, 3, True, UnusualReading.ELSEWHERE),
    ],
)  # fmt: skip
def test_the_weightiest_reason_is_reported(
    shown: int, refused: int, elsewhere: bool, why: UnusualReading | None
) -> None:
    assert unusual(shown, refused, elsewhere=elsewhere, policy=POLICY) is why
