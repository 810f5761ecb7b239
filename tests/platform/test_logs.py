"""Each kind of process logs one JSON object a line, with ids and without secrets, its libraries' lines too."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.counting import AttemptCounter
from bootstrap import keys
from bootstrap.serving import build
from bootstrap.settings import Settings
from bootstrap.telemetry import logs
from domain.identifiers import new_id
from tests.architecture.tree import SECRET
from tests.builders.provider_keys import lay_their_keys

SECRETS = {"number": "6006491234567890", "password": "hunter2hunter2", "token": "clk_abcdefgh"}


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Where lines go; logging is as before afterwards."""
    root, kept = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    yield io.StringIO()
    root.handlers, root.level = handlers, level
    structlog.configure(**kept)


def settings(home: Path, **more: Any) -> Settings:
    given: dict[str, Any] = {
        "home": home,
        "database_url": "postgresql://nobody:sekretpassword@127.0.0.1:1/none",
        **more,
    }
    return Settings(**given)


def read(lines: io.StringIO, process: str) -> list[dict[str, Any]]:
    """Every line as an object; none holds a secret, and each says when, how grave, what and where."""
    said = lines.getvalue()
    assert [secret for secret in (*SECRETS.values(), "sekretpassword") if secret in said] == []
    found = [json.loads(line) for line in said.splitlines()]
    assert found
    assert [one for one in found if not {"timestamp", "level", "event", "process"} <= one.keys()] == []
    assert {one["process"] for one in found} == {process}
    return found


@pytest.mark.parametrize(
    ("program", "path"), [("api", "/v1/submissions"), ("console", "/cards/{card}"), ("codec", "/decode")]
)
async def test_a_web_process_logs_its_requests_and_faults(
    program: str, path: str, tmp_path: Path, lines: io.StringIO
) -> None:
    given, card = settings(tmp_path), new_id()
    keys.make(given)
    lay_their_keys(given)
    logs.configure(given, program, lines)
    app = await asyncio.to_thread(build, given, program)
    headers = {"authorization": f"Bearer {SECRETS['token']}", "cookie": f"cardloop_console={SECRETS['token']}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://x.test", headers=headers
    ) as client:
        await client.request(
            "POST" if program == "codec" else "GET", path.format(card=card), params={"number": SECRETS["number"]}
        )
    found = read(lines, program)
    [request] = [one for one in found if one["event"] == "request"]
    assert request["route"].startswith(path.partition("{")[0])
    assert request["status"] == 503  # There is no database at that address.
    assert request.get("card_id") == (card if "{card}" in path else None)


@pytest.mark.parametrize("process", ["worker-cards", "worker-reading"])
async def test_a_worker_logs_the_card_and_the_workflow_of_each_step(
    process: str, tmp_path: Path, lines: io.StringIO
) -> None:
    card = new_id()
    logs.configure(settings(tmp_path), process, lines)
    environment = ActivityEnvironment()
    environment.info = activity.Info(**{**vars(environment.info), "workflow_id": f"card:{card}", "attempt": 3})

    class Step(ActivityInboundInterceptor):
        def __init__(self) -> None: ...

        async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ARG002
            structlog.get_logger().warning("step_waits", number=SECRETS["number"], what={"no": object()})
            try:
                raise ValueError(f"duplicate key {SECRETS['number']}")
            except ValueError:
                logging.getLogger("some.library").exception("Completing activity as failed")
            raise ApplicationError("away", type="gateway_unavailable")

    counting = AttemptCounter().intercept_activity(Step())
    with pytest.raises(ApplicationError):
        await environment.run(counting.execute_activity, ExecuteActivityInput(None, (), None, {}))  # type: ignore[arg-type]
    ours, theirs = read(lines, process)
    assert (ours["event"], ours["number"]) == ("step_waits", logs.REMOVED)
    assert theirs["error"].startswith("ValueError at test_logs.py:")
    assert theirs["logger"] == "some.library"
    for one in (ours, theirs):
        assert (one["card_id"], one["workflow_id"], one["attempt"]) == (card, f"card:{card}", 3)


async def test_the_ids_of_a_step_are_gone_after_it(tmp_path: Path, lines: io.StringIO) -> None:
    logs.configure(settings(tmp_path, log_level="WARNING"), "worker-cards", lines)
    structlog.get_logger().info("below the level")
    structlog.get_logger().warning("after")
    [line] = read(lines, "worker-cards")
    assert "card_id" not in line


async def test_a_library_with_a_handler_of_its_own_speaks_json_too(tmp_path: Path, lines: io.StringIO) -> None:
    library, own = logging.getLogger("library.with.handler"), io.StringIO()
    library.addHandler(logging.StreamHandler(own))
    library.propagate = False
    library.setLevel(logging.DEBUG)
    logs.configure(settings(tmp_path), "worker-reading", lines)
    logs.adopt_libraries()
    library.info("Creating model")
    library.warning("slow")
    [line] = read(lines, "worker-reading")
    assert (line["event"], own.getvalue()) == ("slow", "")


async def test_lines_can_be_read_by_eye_instead(tmp_path: Path, lines: io.StringIO) -> None:
    logs.configure(settings(tmp_path, log_format="text"), "api", lines)
    structlog.get_logger().warning("loop_waits", loop="courier")
    assert "loop_waits" in lines.getvalue()
    assert "loop=courier" in lines.getvalue()


def test_the_names_that_are_taken_out_are_those_that_no_call_may_hand_over() -> None:
    assert logs.SECRET_NAMES == SECRET
