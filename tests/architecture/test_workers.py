"""Every step that a workflow calls is served on the very queue that it is called on, and nothing else is."""

from __future__ import annotations

import ast
import asyncio
from collections import defaultdict
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import date
from pathlib import Path
from typing import Any, TypeGuard

from temporalio import activity
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from bootstrap import keys, outside
from bootstrap.paying import payment_gateways
from bootstrap.provider_workers import IssuerWorkers
from bootstrap.settings import Settings
from bootstrap.store import database
from bootstrap.worker_options import ACTIVITIES_AT_ONCE, WORKFLOW_TASKS_AT_ONCE
from bootstrap.workers import WORKFLOWS, card_workers
from domain.identifiers import new_id
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.rules.brand_document import built_in
from domain.rules.brands import catalogue
from tests.architecture.tree import Function, modules, name_of
from tests.builders.provider_keys import lay_their_keys
from workflows import repair_steps, settlement_steps, steps, ticket_steps
from workflows.policies import (
    CARDS_QUEUE,
    FX_QUEUE,
    OUTLET_QUEUE,
    PAYOUT_QUEUE,
    READING_QUEUE,
    issuer_queue,
    store_queue,
)

ISSUERS = sorted({brand.issuer for brand in catalogue().values()})
# Old queues serve the cards from before each provider had its own.
QUEUES = {
    "READING_QUEUE": [READING_QUEUE],
    "_issuer(card)": [issuer_queue(issuer) for issuer in ISSUERS],
    "_store(card)": [queue_of(issuer) for issuer in ISSUERS for queue_of in (issuer_queue, store_queue)],
    "_own(OUTLET_QUEUE, card.edition)": [OUTLET_QUEUE, CARDS_QUEUE],
    "_own(FX_QUEUE, card.edition)": [FX_QUEUE, CARDS_QUEUE],
    "_own(PAYOUT_QUEUE, edition)": [PAYOUT_QUEUE, CARDS_QUEUE],
}
CALLS = "execute_activity_method execute_local_activity_method start_activity_method".split()
Place = tuple[str, str]  # A module of the workflows, and a function or class in it.
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def called() -> dict[str, set[str]]:
    """Task queue → names of the activities that workflows call on it; one without a queue runs on that of its workflow."""
    found: dict[str, set[str]] = defaultdict(set)
    for own, workflows in WORKFLOWS.items():
        for workflow in workflows:
            for call in (node for one in reached(workflow) for node in ast.walk(one) if _is_call(node)):
                written = [ast.unparse(word.value) for word in call.keywords if word.arg == "task_queue"]
                for queue in QUEUES[written[0]] if written else [own]:
                    found[queue].add(activity_name(ast.unparse(call.args[0])))
    return found


def reached(workflow: type) -> Iterable[ast.AST]:
    """The functions and classes of the workflows that one of them uses, directly or through others."""
    trees = {f"workflows.{one.path.stem}": one.tree for one in modules("workflows")}
    defined = {
        (home, node.name): node for home, tree in trees.items() for node in tree.body if isinstance(node, Definition)
    }
    found: dict[Place, ast.AST] = {}
    new = [(workflow.__module__, workflow.__name__)]
    while new:
        place = new.pop()
        if place in defined and place not in found:
            found[place] = defined[place]
            new += _used(place[0], trees[place[0]], defined[place])
    return found.values()


def _used(home: str, tree: ast.Module, definition: ast.AST) -> list[Place]:
    """What a definition of module `home` names: its neighbours, and what its module imports from other workflows."""
    imported = {
        alias.asname or alias.name: (str(node.module), alias.name)
        for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }  # fmt: skip
    names = {node.id for node in ast.walk(definition) if isinstance(node, ast.Name)}
    parts = {
        (imported[node.value.id], node.attr)
        for node in ast.walk(definition)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imported
    }
    return [
        *((home, name) for name in names),
        *(imported[name] for name in names & imported.keys()),
        *((f"{package}.{module}", attribute) for (package, module), attribute in parts),
    ]


def _is_call(node: ast.AST) -> TypeGuard[ast.Call]:
    """Whether an activity is called here."""
    return isinstance(node, ast.Call) and name_of(node.func) in CALLS


def activity_name(method: str) -> str:
    """`Payout.send` as workflows name it → `payout.send` as Temporal knows it."""
    owner, _, verb = method.partition(".")
    home = next(one for one in (steps, repair_steps, settlement_steps, ticket_steps) if hasattr(one, owner))
    return _name(getattr(getattr(home, owner), verb))


async def test_each_queue_serves_exactly_the_steps_that_are_called_on_it(
    temporal_client: Client, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"home": tmp_path}
    settings = Settings(**given)
    keys.ensure(settings)
    # At a start the simulator lays its public key there; any will do where nothing is sent.
    lay_their_keys(settings)
    secrets, store = keys.load(settings), database(settings)
    world = outside.build(settings, secrets, store)
    # On a connection of their own: workers that never ran keep their queues taken as long as theirs is open.
    client = await Client.connect(temporal_client.service_client.config.target_host)
    workers = card_workers(settings, client, store, secrets.keyring, world, payment_gateways(settings, store))
    served = {worker.task_queue: {_name(one) for one in worker.config()["activities"]} for worker in workers}
    await store.dispose()
    bounds = {
        (worker.config()["max_concurrent_workflow_tasks"], worker.config()["max_concurrent_activities"])
        for worker in workers
    }
    assert bounds == {(WORKFLOW_TASKS_AT_ONCE, ACTIVITIES_AT_ONCE)}, "what a worker takes it must end in time"
    assert served | {READING_QUEUE: {"reading.read_photos"}} == called()


async def test_a_brand_that_is_published_gets_a_worker_for_its_issuer_without_a_restart(
    temporal_client: Client, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"home": tmp_path}
    settings = Settings(**given)
    entries = list(built_in()[0].document["brands"])
    new = entries[0] | {"code": "metro", "issuer": f"metro-{new_id().lower()}"}
    client = await Client.connect(temporal_client.service_client.config.target_host)
    async with AsyncExitStack() as stack:
        issuers = IssuerWorkers(settings, client, [_asked, ask_store], stack)
        assert await issuers.start_new() == 0
        BOOK.fill("brands", [PolicyDocument("brands", 1, "brands-1", date(2026, 1, 1), {"brands": [*entries, new]})])
        try:
            assert [await issuers.start_new(), await issuers.start_new()] == [4, 0], (
                "its own queue and its brand's, for the issuer and for its stores"
            )
            assert await _is_polled(client, issuer_queue(new["issuer"]))
        finally:
            BOOK.fill("brands", [])


@activity.defn(name="verification.ask_issuer")
async def _asked() -> None:
    """A stand-in for a call to an issuer."""


@activity.defn(name="verification.ask_store")
async def ask_store() -> None:
    """A stand-in for a call to a store."""


async def _is_polled(client: Client, queue: str) -> bool:
    """Whether a worker asks this queue for activities within thirty seconds."""
    asked = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
    )  # fmt: skip
    for _ in range(150):
        if (await client.workflow_service.describe_task_queue(asked)).pollers:
            return True
        await asyncio.sleep(0.2)
    return False


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
