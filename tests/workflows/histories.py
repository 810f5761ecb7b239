"""Histories of every path, kept as JSON: a release whose workflow takes another turn on any of them fails before it is made.

`make histories` records them again, after a change that is versioned or that nobody's running card depends on.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from temporalio.client import Client

FOLDER = Path(__file__).with_name("recorded")
PROCESS = re.compile(r"^[0-9]+@[\w.-]+$")  # process@machine, as the SDK names who did something.
RECORDING = os.environ.get("CARDLOOP_RECORD_HISTORIES") == "1"


async def keep(client: Client, workflow_id: str, run_id: str | None = None) -> None:
    """While recording, writes the history of the workflow's newest run, or of `run_id`, under the name of the running test."""
    if not RECORDING:
        return
    history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{_test_name()}.json").write_text(json.dumps(_anonymous(json.loads(history.to_json())), indent=1) + "\n")


def _test_name() -> str:
    """`test_a_frozen_card_is_not_bought`, with a parameter's id behind a dash."""
    name = os.environ["PYTEST_CURRENT_TEST"].split("::")[-1].split(" ")[0]
    return re.sub(r"[^a-z0-9_]+", "-", name.removeprefix("test_")).strip("-")


def _anonymous(value: Any) -> Any:
    """Without the name of the machine and process that happened to record it."""
    if isinstance(value, dict):
        return {key: _anonymous(item) for key, item in value.items() if key != "stackTrace"}
    if isinstance(value, str):
        return PROCESS.sub("recorder", value)
    return [_anonymous(item) for item in value] if isinstance(value, list) else value
