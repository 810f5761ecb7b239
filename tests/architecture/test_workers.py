"""Every step that a workflow calls is served on the very queue that it is called on, and nothing else is."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from shutil import copy
from typing import Any

from temporalio import activity
from temporalio.client import Client

from bootstrap import keys, outside
from bootstrap.paying import payment_gateway
from bootstrap.settings import Settings
from bootstrap.store import database
from bootstrap.workers import card_workers
from domain.rules.brands import catalogue
from tests.architecture.tree import Function, modules
from workflows import steps
from workflows.policies import CARDS_QUEUE, READING_QUEUE, issuer_queue

ISSUERS = sorted({brand.issuer for brand in catalogue().values()})
QUEUES = {"READING_QUEUE": [READING_QUEUE], "issuer_queue(card.issuer)": [issuer_queue(issuer) for issuer in ISSUERS]}
CALLS = "execute_activity_method execute_local_activity_method start_activity_method".split()


def called() -> dict[str, set[str]]:
    """Task queue → names of the activities that workflows/steps.py calls on it; a local one runs on the cards' own."""
    found: dict[str, set[str]] = defaultdict(set)
    [module] = [one for one in modules("workflows") if one.path.name == "steps.py"]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
            written = [ast.unparse(word.value) for word in node.keywords if word.arg == "task_queue"]
            for queue in QUEUES[written[0]] if written else [CARDS_QUEUE]:
                found[queue].add(activity_name(ast.unparse(node.args[0])))
    return found


def activity_name(method: str) -> str:
    """`Payout.send` as workflows name it → `payout.send` as Temporal knows it."""
    owner, _, verb = method.partition(".")
    return _name(getattr(getattr(steps, owner), verb))


async def test_each_queue_serves_exactly_the_steps_that_are_called_on_it(
    temporal_client: Client, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"home": tmp_path}
    settings = Settings(**given)
    keys.ensure(settings)
    # At a start the simulator lays its public key there; any will do where nothing is sent.
    copy(settings.alipay_keys / keys.ALIPAY_OURS_PUBLIC, settings.alipay_keys / keys.ALIPAY_THEIRS)
    secrets, store = keys.load(settings), database(settings)
    world = outside.build(settings, secrets, store)
    # On a connection of their own: workers that never ran keep their queues taken as long as theirs is open.
    client = await Client.connect(temporal_client.service_client.config.target_host)
    workers = card_workers(settings, client, store, secrets.keyring, world, payment_gateway(settings))
    served = {worker.task_queue: {_name(one) for one in worker.config()["activities"]} for worker in workers}
    await store.dispose()
    assert served | {READING_QUEUE: {"reading.read_photos"}} == called()


def test_the_reader_serves_its_one_step() -> None:
    assert _registered_by("reading.py", "run_reading") == ["reading.read_photos"]


def test_every_activity_that_exists_is_called() -> None:
    defined = {
        str(word.value.value)
        for module in modules("activities")
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "activity.defn"
        for word in call.keywords
        if isinstance(word.value, ast.Constant)
    }
    assert defined == set().union(*called().values())


def _registered_by(file: str, function: str) -> list[str]:
    """What a function of that file of bootstrap hands to its worker as `activities`."""
    [module] = [one for one in modules("bootstrap") if one.path.name == file]
    [found] = [one for one in ast.walk(module.tree) if isinstance(one, Function) and one.name == function]
    lists = [word.value for word in ast.walk(found) if isinstance(word, ast.keyword) and word.arg == "activities"]
    return [ast.unparse(item) for listed in lists if isinstance(listed, ast.List) for item in listed.elts]


def _name(method: Any) -> str:
    definition = activity._Definition.from_callable(method)
    assert definition is not None, f"{method} is no activity"
    assert definition.name is not None
    return definition.name
