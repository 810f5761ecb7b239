"""A regional card goes to a partner outlet, whose answer comes back signed, late, twice, forged, or never."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from domain.money import Money
from gateways.breaker import Breakers
from gateways.errors import GatewayRefused, GatewayUnavailable, ReportRefused
from gateways.outlet import OutletAsked, OutletGateway, Verdict, claimed_sender, require_face_value
from gateways.signatures import HEADER, sign
from simulators.outlet import Outlet
from simulators.program import Setup
from simulators.signatures import outlet_secret
from tests.gateways.partners import Mailbox, Partner, mailbox, partner
from tests.simulators.running import SECRET, number, written_in

CARD = number("hualian", "12")
OWN = outlet_secret(SECRET, "outlet-1")
DEADLINE = datetime(2030, 1, 1, tzinfo=UTC)


@pytest_asyncio.fixture
async def reports() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest_asyncio.fixture
async def outlet() -> AsyncIterator[Partner]:
    async with partner(Outlet(Setup(seed=7, secret=SECRET))) as running_outlet:
        yield running_outlet


@pytest.fixture
def gateway(outlet: Partner) -> OutletGateway:
    return OutletGateway(outlet.channel, Breakers())


async def ask(gateway: OutletGateway, reports: Mailbox, outlet_id: str = "outlet-1") -> OutletAsked:
    return await gateway.ask("r1", outlet_id, "hualian", CARD, reports.url, DEADLINE)


async def press(outlet: Partner, asked: OutletAsked, **form: str) -> int:
    answer = await outlet.plain.post(f"/v1/confirmations/{asked.confirmation_id}/answer", data=form)
    return answer.status_code


async def test_the_counter_sees_the_card_and_confirms_it(
    outlet: Partner, gateway: OutletGateway, reports: Mailbox
) -> None:
    asked = await ask(gateway, reports)
    assert CARD in (await outlet.plain.get("/")).text
    assert await press(outlet, asked, verdict="confirmed", face_minor="20000") == 303
    ((body, headers),) = await reports.holds(1)
    report = gateway.verify_report(body, headers[HEADER.lower()], [OWN])
    assert (report.verdict, report.face_value) == (Verdict.CONFIRMED, Money(20_000))
    assert (report.confirmation_id, report.request_id, report.outlet_id) == (asked.confirmation_id, "r1", "outlet-1")
    assert CARD.encode() not in body


async def test_a_denial_has_no_face_value(outlet: Partner, gateway: OutletGateway, reports: Mailbox) -> None:
    await press(outlet, await ask(gateway, reports), verdict="denied")
    ((body, headers),) = await reports.holds(1)
    report = gateway.verify_report(body, headers[HEADER.lower()], [OWN])
    assert (report.verdict, report.face_value) == (Verdict.DENIED, None)


async def test_an_unknown_outlet_is_refused(gateway: OutletGateway, reports: Mailbox) -> None:
    with pytest.raises(GatewayRefused, match="unknown_outlet"):
        await ask(gateway, reports, "outlet-99")


async def test_asking_twice_is_one_request_at_the_counter(
    outlet: Partner, gateway: OutletGateway, reports: Mailbox
) -> None:
    first, second = await ask(gateway, reports), await ask(gateway, reports)
    assert first.confirmation_id == second.confirmation_id
    assert len((await outlet.plain.get("/v1/confirmations")).json()) == 1


async def test_a_time_out_after_the_request_arrived_is_safe_to_repeat(
    outlet: Partner, gateway: OutletGateway, reports: Mailbox
) -> None:
    await outlet.control(timeout_after_success_rate=1)
    with pytest.raises(GatewayUnavailable) as caught:
        await ask(gateway, reports)
    await outlet.control(timeout_after_success_rate=0)
    await ask(gateway, reports)
    assert caught.value.perhaps_done
    assert len((await outlet.plain.get("/v1/confirmations")).json()) == 1


async def test_it_answers_automatically_when_configured_to(
    outlet: Partner, gateway: OutletGateway, reports: Mailbox
) -> None:
    await outlet.control(auto_answer="confirmed", auto_answer_ms=50, default_face_minor=30_000)
    await ask(gateway, reports)
    ((body, headers),) = await reports.holds(1)
    assert gateway.verify_report(body, headers[HEADER.lower()], [OWN]).face_value == Money(30_000)


async def test_forged_duplicate_and_stale_reports(outlet: Partner, gateway: OutletGateway, reports: Mailbox) -> None:
    await outlet.control(forged_callbacks=True, duplicate_callbacks=1, out_of_order=True)
    await press(outlet, await ask(gateway, reports), verdict="confirmed", face_minor="20000")
    read, refused = [], []
    for body, headers in await reports.holds(4):
        try:
            read.append(gateway.verify_report(body, headers[HEADER.lower()], [OWN]))
        except ReportRefused as error:
            refused.append(error.reason)
    assert refused == ["signature"]
    assert sorted(report.verdict for report in read) == [Verdict.CONFIRMED, Verdict.CONFIRMED, Verdict.PENDING]
    assert max(read, key=lambda report: report.sequence).verdict is Verdict.CONFIRMED


async def test_no_outlet_can_speak_for_another(outlet: Partner, gateway: OutletGateway, reports: Mailbox) -> None:
    await press(outlet, await ask(gateway, reports), verdict="confirmed", face_minor="20000")
    ((body, _),) = await reports.holds(1)
    assert claimed_sender(body) == "outlet-1"
    for another in (outlet_secret(SECRET, "outlet-2"), SECRET):
        with pytest.raises(ReportRefused, match="signature"):
            gateway.verify_report(body, sign(another, body), [OWN])


async def test_another_face_value_than_claimed_is_found_out(
    outlet: Partner, gateway: OutletGateway, reports: Mailbox
) -> None:
    await outlet.control(wrong_amount_minor=-1)
    await press(outlet, await ask(gateway, reports), verdict="confirmed", face_minor="20000")
    ((body, headers),) = await reports.holds(1)
    report = gateway.verify_report(body, headers[HEADER.lower()], [OWN])
    with pytest.raises(ReportRefused, match="wrong_amount"):
        require_face_value(report, Money(20_000))
    require_face_value(report, Money(19_999))


async def test_a_report_kept_for_later_is_stale(gateway: OutletGateway) -> None:
    body = b"{}"
    old = sign(OWN, body, lambda: (datetime.now(UTC) - timedelta(minutes=6)).timestamp())
    with pytest.raises(ReportRefused, match="stale"):
        gateway.verify_report(body, old, [OWN])


@pytest.mark.parametrize("header", [None, "", "t=1", "v1=ab", "t=x,v1=" + "0" * 64, "t=1,v1=" + "0" * 64])
async def test_a_report_without_a_right_signature_is_refused(gateway: OutletGateway, header: str | None) -> None:
    with pytest.raises(ReportRefused, match="signature"):
        gateway.verify_report(b"{}", header, [OWN])


GOOD = (
    b'{"confirmation_id": "c", "request_id": "r", "outlet_id": "outlet-1", "verdict": "confirmed", "face_minor": 1,'
    b' "currency": "CNY", "answered_by": "x", "answered_at": "2026-01-01T00:00:00+00:00", "sequence": 1}'
)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b"\xff", b'{"verdict": "perhaps"}', b"[" * 100_000, GOOD.replace(b'"r"', b'"r\\u0000"'),
        GOOD.replace(b'"r"', b'"\\ud800"'), GOOD.replace(b'"r"', b"7"), GOOD.replace(b'"sequence": 1', b'"sequence": 1e999'),
        GOOD.replace(b'"sequence": 1', b'"sequence": "' + b"9" * 5000 + b'"'), GOOD.replace(b'_minor": 1', b'_minor": 1' + b"0" * 30),
    ],
)  # fmt: skip
async def test_a_signed_report_that_cannot_be_read_is_malformed(gateway: OutletGateway, body: bytes) -> None:
    with pytest.raises(ReportRefused, match="malformed"):
        gateway.verify_report(body, sign(OWN, body), [OWN])


@pytest.mark.parametrize("form", [{}, {"verdict": "perhaps"}, {"verdict": "confirmed", "face_minor": "-5"}])
async def test_the_counter_cannot_answer_nonsense(
    outlet: Partner, gateway: OutletGateway, reports: Mailbox, form: dict[str, str]
) -> None:
    assert await press(outlet, await ask(gateway, reports), **form) == 422
    await reports.holds(0)


async def test_an_answer_given_before_a_restart_is_delivered_after_it(tmp_path: Path, reports: Mailbox) -> None:
    setup = Setup(seed=7, secret=SECRET, state=tmp_path / "state.db")
    async with partner(Outlet(setup)) as outlet:
        await outlet.control(late_callback_ms=1000)
        await press(outlet, await ask(OutletGateway(outlet.channel, Breakers()), reports), verdict="denied")
    assert reports.received == []
    assert CARD.encode() not in written_in(tmp_path)
    async with partner(Outlet(setup)):
        await reports.holds(1)
