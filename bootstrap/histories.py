"""Write a workflow's history to a file: to replay it on another machine, or to read what happened."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import History
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from bootstrap import keys
from bootstrap.labels import ACTOR
from bootstrap.local import temporal
from bootstrap.os_user import os_user
from bootstrap.private_files import new_private_file
from bootstrap.settings import Settings
from bootstrap.store import opened
from bootstrap.words import Problem
from database.tables.people import AuditRow
from domain.sealing import SealBroken
from workflows.codec import EncryptionCodec, PayloadMoved

ACT = "workflows:history:export"


async def export(settings: Settings, workflow_id: str, out: Path, *, opened_payloads: bool) -> int:
    """Write the history of a workflow's newest run as JSON and return the number of its events.

    Payloads stay sealed unless `opened_payloads`, which is put on record first. Raises Problem for an unknown workflow, a
    Temporal that does not answer, and keys that do not open what is there.
    """
    try:
        history = await _history(await temporal.connect(settings), workflow_id)
    except RPCError as failed:
        if failed.status is RPCStatusCode.NOT_FOUND:
            raise Problem(
                f"Temporal 中没有工作流 {workflow_id}。", f"Temporal has no workflow {workflow_id}."
            ) from None
        raise _away(settings) from None
    except RuntimeError:
        raise _away(settings) from None
    with new_private_file(out) as file:
        if opened_payloads:
            await _record(settings, workflow_id, out)
            await _open(history, EncryptionCodec(keys.load(settings).keyring, workflow_id, shows_plain=True))
        file.write(json.dumps(MessageToDict(history), ensure_ascii=False, indent=1).encode())
    return len(history.events)


async def _history(client: Client, workflow_id: str) -> History:
    fetched = await client.get_workflow_handle(workflow_id).fetch_history()
    return History(events=fetched.events)


async def _record(settings: Settings, workflow_id: str, out: Path) -> None:
    async with opened(settings) as store, store.transaction() as session:
        session.add(AuditRow(actor=ACTOR, act=ACT, subject=workflow_id, facts={"file": out.name, "os_user": os_user()}))


async def _open(message: Message, codec: EncryptionCodec) -> None:
    """Open every sealed payload within the message, in place."""
    if isinstance(message, Payload):
        try:
            (plain,) = await codec.decode([message])
        except (SealBroken, PayloadMoved):
            raise Problem(
                "有内容无法用现有密钥打开，未导出。", "A payload does not open with these keys; nothing was exported."
            ) from None
        message.CopyFrom(plain)
        return
    for _, value in message.ListFields():
        for one in _messages(value):
            await _open(one, codec)


def _messages(value: object) -> list[Message]:
    """Every message within a field: one, a repeated field's, or a map's values."""
    if isinstance(value, Message):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [one for one in value if isinstance(one, Message)] if isinstance(value, Sequence) else []


def _away(settings: Settings) -> Problem:
    return Problem(
        f"无法连接 Temporal {settings.temporal_target}：请先启动平台，或检查 CARDLOOP_TEMPORAL_* 设置。",
        f"Temporal at {settings.temporal_target} does not answer: start the platform, or check the CARDLOOP_TEMPORAL_* settings.",
    )
