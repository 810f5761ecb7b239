"""Each failure of an activity states to Temporal whether to retry, and quotes no value."""

import pytest
from temporalio.exceptions import ApplicationError

from activities.failures import PayoutUnknown, translated
from database.session import DatabaseUnavailable
from domain.errors.people import TooManyTries
from gateways.errors import GatewayRefused, GatewayUnavailable


@pytest.mark.parametrize(
    ("error", "kind", "final"),
    [
        (GatewayUnavailable("issuer", "timeout"), "gateway_unavailable", False),
        (GatewayRefused("issuer", "unknown_brand"), "gateway_refused", True),
        (TooManyTries(retry_after_s=3), "too_many_tries", True),
        (DatabaseUnavailable("away"), "database_unavailable", False),
        (PayoutUnknown("DEALING"), "payout_unknown", False),
    ],
)
async def test_failure_states_whether_to_retry(error: Exception, kind: str, final: bool) -> None:
    @translated
    async def failing() -> None:
        raise error

    with pytest.raises(ApplicationError) as failed:
        await failing()
    assert (failed.value.type, failed.value.non_retryable) == (kind, final)
    assert failed.value.__cause__ is None


async def test_unexpected_error_is_retried_and_quotes_no_number() -> None:
    @translated
    async def failing() -> int:
        return int("JD00000000000000")

    with pytest.raises(ApplicationError, match=r"^unforeseen: ValueError at test_failures\.py:[0-9]+$") as failed:
        await failing()
    assert (failed.value.type, failed.value.non_retryable, failed.value.__suppress_context__) == (
        "unforeseen",
        False,
        True,
    )


async def test_temporals_own_errors_are_unchanged() -> None:
    final = ApplicationError("not accepted", type="not_accepted", non_retryable=True)

    @translated
    async def failing() -> None:
        raise final

    with pytest.raises(ApplicationError) as failed:
        await failing()
    assert failed.value is final
