"""What every simulator offers: health, a page in two languages, controls, a reset, and a record without secrets."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import httpx
import pytest

from simulators.__main__ import PROGRAMS
from simulators.fx import Fx
from simulators.issuer import Issuer
from simulators.messages import Messages
from simulators.program import Program, Setup
from tests.simulators.running import SECRET, in_process, number, post_signed, running, written_in
from tests.simulators.setups import SETUP
from tests.slowness import patience

GUIDE = Path(__file__).parents[2] / "docs" / "gateways.md"
INQUIRY = {"request_id": "r1", "brand": "jd", "number": number("jd", "12"), "pin": "604128"}


@pytest.mark.parametrize("program", PROGRAMS)
async def test_each_is_healthy_and_has_a_page_in_both_languages(program: type[Program]) -> None:
    async with in_process(program(SETUP)) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok", "program": program.name}
        assert program.title.zh in (await client.get("/")).text
        assert program.title.zh in (await client.get("/", headers={"Accept-Language": "zh-CN,en;q=0.5"})).text
        assert program.title.en in (await client.get("/", headers={"Accept-Language": "en,zh;q=0.5"})).text
        assert program.title.en in (await client.get("/?lang=en", headers={"Accept-Language": "zh"})).text


@pytest.mark.parametrize("program", PROGRAMS)
async def test_controls_change_one_by_one_and_reset_puts_all_back(program: type[Program]) -> None:
    async with in_process(program(SETUP)) as client:
        before = (await client.get("/controls")).json()
        changed = await client.post("/controls", json={"latency_ms": 3})
        assert changed.json() == before | {"latency_ms": 3} == (await client.get("/controls")).json()
        assert (await client.post("/reset")).status_code == 204
        assert (await client.get("/controls")).json() == before


@pytest.mark.parametrize("wanted", [{"error_rate": 1.5}, {"latency_ms": -1}, {"no_such": 1}])
async def test_controls_that_do_not_fit_are_refused_with_the_reason(wanted: dict[str, float]) -> None:
    async with in_process(Issuer(SETUP)) as client:
        refused = await client.post("/controls", json=wanted)
        assert refused.status_code == 422
        assert refused.json()["why"][0]["loc"] == list(wanted)
        assert (await client.get("/controls")).json()["latency_ms"] == 0


async def test_a_browsers_form_sets_lists_and_boxes_and_goes_back_to_the_page() -> None:
    async with in_process(Fx(SETUP)) as client:
        answer = await client.post("/controls", data={"suspended_channels": "amazon-us, other", "latency_ms": "2"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert (await client.get("/controls")).json()["suspended_channels"] == ["amazon-us", "other"]


async def test_unsigned_and_wrongly_signed_calls_are_turned_away() -> None:
    async with in_process(Issuer(SETUP)) as client:
        assert (await client.post("/v1/cards/inquire", json=INQUIRY)).status_code == 401
        assert (await post_signed(client, "/v1/cards/inquire", INQUIRY, "another")).status_code == 401
        assert (await post_signed(client, "/v1/cards/inquire", INQUIRY)).status_code == 200


async def test_errors_come_at_their_rate_and_the_same_after_a_reset() -> None:
    async def statuses(client: httpx.AsyncClient) -> list[int]:
        await client.post("/controls", json={"error_rate": 0.5})
        return [(await post_signed(client, "/v1/cards/inquire", INQUIRY)).status_code for _ in range(20)]

    async with in_process(Issuer(SETUP)) as client:
        first = await statuses(client)
        await client.post("/reset")
        assert set(first) == {200, 500}
        assert await statuses(client) == first


async def test_the_record_of_requests_holds_no_number_and_no_pin() -> None:
    async with in_process(Issuer(SETUP)) as client:
        await post_signed(client, "/v1/cards/inquire", INQUIRY)
        for place in ("/requests", "/"):
            text = (await client.get(place)).text
            assert INQUIRY["number"][-4:] in text
            assert INQUIRY["number"] not in text
            assert "604128" not in text


async def test_what_was_known_before_a_restart_is_known_after_it(tmp_path: Path) -> None:
    setup = Setup(seed=7, secret=SECRET, state=tmp_path / "state.db")
    message = {"to": "13800000021", "text": "482910", "dedupe_key": "m1"}
    async with in_process(Messages(setup)) as client:
        await post_signed(client, "/v1/messages", message)
        await client.post("/controls", json={"cost_fen": 9})
    async with in_process(Messages(setup)) as client:
        assert [kept["text"] for kept in (await client.get("/v1/messages?to=13800000021")).json()] == ["482910"]
        assert (await client.get("/controls")).json()["cost_fen"] == 9


async def test_the_state_file_holds_no_card_number(tmp_path: Path) -> None:
    setup = Setup(seed=7, secret=SECRET, state=tmp_path / "state.db")
    async with in_process(Issuer(setup)) as client:
        await client.post("/book", json={"brand": "jd", "number": INQUIRY["number"], "pin": "604128"})
        await post_signed(client, "/v1/cards/inquire", INQUIRY)
    written = written_in(tmp_path)
    assert b"balance_minor" in written
    assert INQUIRY["number"].encode() not in written
    assert b"604128" not in written


async def test_all_six_start_together_and_stop_on_a_signal(tmp_path: Path) -> None:
    base = 18610
    arguments = ["-m", "simulators", "--seed", "3", "--port-base", str(base), "--keys", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments)
    async with httpx.AsyncClient(trust_env=False) as client:
        names = [await _name(client, base + offset) for offset in range(len(PROGRAMS))]
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), patience(15)) == 0
    assert names == [program.name for program in PROGRAMS]
    assert b"BEGIN PUBLIC KEY" in written_in(tmp_path)


async def test_a_served_program_hangs_after_success_as_configured() -> None:
    program = Messages(SETUP)
    async with (
        running(program.app) as address,
        httpx.AsyncClient(base_url=address, timeout=0.3, trust_env=False) as client,
    ):
        await client.post("/controls", json={"timeout_after_success_rate": 1})
        with pytest.raises(httpx.ReadTimeout):
            await post_signed(client, "/v1/messages", {"to": "13800000021", "text": "x", "dedupe_key": "m1"})
        assert [kept["dedupe_key"] for kept in (await client.get("/v1/messages")).json()] == ["m1"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_control_is_documented(program: type[Program]) -> None:
    described = GUIDE.read_text(encoding="utf-8")
    assert [name for name in program.controls_type.model_fields if f"`{name}`" not in described] == []


async def _name(client: httpx.AsyncClient, port: int) -> str:
    for _ in range(200):
        try:
            return str((await client.get(f"http://127.0.0.1:{port}/healthz")).json()["program"])
        except httpx.ConnectError:
            await asyncio.sleep(0.1)
    raise AssertionError(f"nothing answers on port {port}")
