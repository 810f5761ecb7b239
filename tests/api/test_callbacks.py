"""What providers report: a payment notice is answered `success` only when it is durable, an outlet's report only when signed."""

from __future__ import annotations

from domain.errors.finance import AmountMismatch
from domain.errors.general import TemporarilyUnavailable
from tests.api.conftest import Api


async def test_a_payment_notice_is_answered_success_and_the_card_is_notified(api: Api) -> None:
    answer = await api.client.post("/callbacks/alipay", data={"sign": "right", "notify_id": "1"})
    assert (answer.status_code, answer.text) == (200, "success")
    assert api.desk.told == [("payment_reported", "CARD", "card-CARD-payout-1")]


async def test_a_card_that_does_not_wait_for_the_gateway_is_not_woken_by_its_notice(api: Api) -> None:
    api.payments.waited_for = False
    answer = await api.client.post("/callbacks/alipay", data={"sign": "right", "notify_id": "1"})
    assert (answer.text, api.desk.told) == ("success", [])


async def test_a_notice_about_an_order_for_no_card_wakes_its_own_workflow(api: Api) -> None:
    api.payments.key = "goodwill-GIVEN"
    await api.client.post("/callbacks/alipay", data={"sign": "right", "notify_id": "1"})
    assert api.desk.told == [("reported", "goodwill", "GIVEN")]


async def test_a_forged_or_wrong_payment_notice_is_not_answered_success(api: Api) -> None:
    forged = await api.client.post("/callbacks/alipay", data={"sign": "forged"})
    api.payments.refuses = AmountMismatch()
    wrong = await api.client.post("/callbacks/alipay", data={"sign": "right"})
    assert [(forged.status_code, forged.text), (wrong.status_code, wrong.text)] == [(401, "fail"), (409, "fail")]
    assert api.desk.told == []


async def test_a_payment_notice_is_success_also_while_temporal_is_away(api: Api) -> None:
    api.desk.refuses = TemporarilyUnavailable()
    answer = await api.client.post("/callbacks/alipay", data={"sign": "right"})
    assert (answer.text, len(api.payments.kept)) == ("success", 1)


async def test_an_outlets_report_needs_its_signature_and_comes_again_when_the_card_is_away(api: Api) -> None:
    forged = await api.client.post("/callbacks/outlets/out-1", content=b"{}")
    assert forged.json()["code"] == "signature_invalid"
    signed = {"x-cardloop-signature": "right"}
    api.desk.refuses = TemporarilyUnavailable()
    assert (await api.client.post("/callbacks/outlets/out-1", content=b"{}", headers=signed)).status_code == 503
    api.desk.refuses = None
    assert (await api.client.post("/callbacks/outlets", content=b"{}", headers=signed)).json() == {"news": True}
    assert api.desk.told == [("outlet_reported", "CARD", "request", True)]
