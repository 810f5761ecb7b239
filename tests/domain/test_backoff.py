"""The wait doubles with each failure, from the first to the longest."""

from datetime import timedelta

import pytest

from domain.backoff import wait_before

FIRST, LONGEST = timedelta(seconds=10), timedelta(hours=12)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 10), (1, 10), (2, 20), (3, 40), (13, 40_960), (14, 43_200), (10_000, 43_200)]
)
def test_the_wait_doubles_up_to_the_longest(failures: int, seconds: int) -> None:
    assert wait_before(FIRST, LONGEST, failures) == timedelta(seconds=seconds)
