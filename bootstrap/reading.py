"""The process that reads photographs; it loads none of the code that carries cards forward."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from temporalio.worker import Worker

from activities.reading import CardReading
from bootstrap import keys
from bootstrap.local import temporal
from bootstrap.policies import policy_job
from bootstrap.reporting import attempts_job, interceptors_of, last_attempts, reported
from bootstrap.settings import Settings
from bootstrap.store import database, photo_store
from bootstrap.telemetry import logs
from bootstrap.telemetry.listener import give_metrics
from bootstrap.telemetry.sdk_metrics import SdkMetrics
from bootstrap.worker_options import worker_options
from bootstrap.worker_process import worker_process
from jobs.registry import Job
from services.ops.attempts import Attempts
from services.policies.reading import PolicyReader
from services.quality.reading_trials import TrialReader
from services.quality.shadow_readings import ShadowReader
from workflows.codec import data_converter
from workflows.policies import READING_QUEUE

if TYPE_CHECKING:
    from domain.cards.reading import Reading
    from ocr.photo_reader import PhotoReader

TRIALS_S = 0.3  # A person waits at the console for what they try.
SHADOW_S = 2.0


async def run_reading(settings: Settings) -> None:
    """Reads photographs until cancelled or drained. The only process that loads the OCR engine, and it loads it before it polls."""
    from ocr.engine import build_reader  # 570 MB that no other process needs.

    logs.adopt_libraries()
    secrets, store = keys.load(settings), database(settings)
    reader = await asyncio.to_thread(build_reader, settings.ocr_models_dir)
    reading = CardReading(store, secrets.keyring, photo_store(settings, secrets.keyring), reader)
    trials = TrialReader(store, secrets.keyring, lambda jpeg, brand: _explained(reader, jpeg, brand), reading.is_busy)
    second = await asyncio.to_thread(_second_reader, settings)
    shadow = (
        None
        if second is None
        else ShadowReader(store, secrets.keyring, photo_store(settings, secrets.keyring), second, reading.is_busy)
    )
    measured, attempts = SdkMetrics(), Attempts(store)
    give_metrics(settings, "reading", measured)
    client = await temporal.connect_patiently(settings, data_converter(secrets.keyring), measured.runtime)
    async with worker_process(store, "reading", measured.queues_used) as process:
        policies = PolicyReader(store)
        await policies.refresh()  # Before the first photo is read.
        worker = Worker(
            client,
            task_queue=READING_QUEUE,
            activities=[reading.read_photos],
            max_concurrent_activities=settings.readings_at_once,
            **worker_options(interceptors_of(attempts)),
        )
        async with worker, asyncio.TaskGroup() as loops:
            jobs = [policy_job(policies), attempts_job(attempts), Job("reading_trials", TRIALS_S, trials.read, 1)]
            jobs += [] if shadow is None else [Job("shadow_reading", SHADOW_S, shadow.read, 1)]
            registry = reported(store, "worker-reading", jobs)
            await process.until_drained(registry.start(loops))
        await last_attempts(attempts)


def _second_reader(settings: Settings) -> PhotoReader | None:
    """The reader over the second weights, None where there are none: it takes memory of its own and decides nothing."""
    from ocr.engine import build_reader

    return None if settings.ocr_shadow_models is None else build_reader(settings.ocr_shadow_models)


def _explained(reader: PhotoReader, jpeg: bytes, brand: str | None) -> tuple[tuple[Reading, ...], Sequence[str]]:
    readings, seen = reader.read_and_explain(jpeg, brand)
    return readings, seen.looks
