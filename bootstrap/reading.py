"""The process that reads photographs; it loads none of the code that carries cards forward."""

from __future__ import annotations

import asyncio

from temporalio.worker import Worker

from activities.reading import CardReading
from bootstrap import keys
from bootstrap.card_reader import pool_of, reader_pool, shadow_pool
from bootstrap.local import temporal
from bootstrap.policies import policy_job
from bootstrap.reporting import attempts_job, interceptors_of, last_attempts, reported
from bootstrap.settings import Settings
from bootstrap.store import database, photo_store
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

TRIALS_S = 0.3  # A person waits at the console for what they try.
SHADOW_S = 2.0


async def run_reading(settings: Settings) -> None:
    """Reads photographs until cancelled or drained. The only process that loads the OCR engine, and it loads it before it polls."""
    secrets, store = keys.load(settings), database(settings)
    reader = await asyncio.to_thread(reader_pool, settings)
    reading = CardReading(store, secrets.keyring, photo_store(settings, secrets.keyring), reader)
    slots = pool_of(settings)[0]
    trials = TrialReader(store, secrets.keyring, reader, lambda: reading.at_work >= slots)
    second = await asyncio.to_thread(shadow_pool, settings)
    jobs = [Job("reading_trials", TRIALS_S, trials.read, 1)]
    if second is not None:
        photos = photo_store(settings, secrets.keyring)
        shadow = ShadowReader(store, secrets.keyring, photos, second, lambda: reading.at_work > 0)
        jobs.append(Job("shadow_reading", SHADOW_S, shadow.read, 1))
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
            **worker_options(interceptors_of(attempts), slots),
        )
        async with worker, asyncio.TaskGroup() as loops:
            registry = reported(store, "worker-reading", [policy_job(policies), attempts_job(attempts), *jobs])
            await process.until_drained(registry.start(loops))
        await last_attempts(attempts)
