"""The whole platform on one machine: which programs there are, in which order they start, and when each can work."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from temporalio.service import RPCError

from bootstrap import keys, party_keys, restored
from bootstrap.demo import logins
from bootstrap.local import temporal
from bootstrap.local.forking import PROGRAMS
from bootstrap.local.health import Check, all_answer, answers, in_thread
from bootstrap.local.ports import check_free
from bootstrap.local.postgres import EmbeddedPostgres
from bootstrap.local.supervisor import Child, Program, Supervisor, python
from bootstrap.settings import PROJECT_ROOT, Settings
from bootstrap.setup.plan import temporal_record
from bootstrap.telemetry.listener import STEPS, metrics_port
from bootstrap.words import Problem, say
from database.drains import is_drained
from database.migrate import upgrade
from domain.ops.workers import worker_name
from workflows.policies import CARDS_QUEUE, READING_QUEUE

# Each worker process with the task queue on which it must poll before it counts as ready.
WORKERS = {"cards": CARDS_QUEUE, "reading": READING_QUEUE}
READER = "worker-reading"
# The outside systems; their simulators listen on consecutive ports in this order.
OUTSIDE = ("issuer", "pos", "outlet", "alipay", "fx", "messages", "wechat", "bank")
_WORKER_STOP_SECONDS_MAX = 30.0


class Platform:
    """Starts everything in order and stops it in the reverse order: web and workers, simulators, Temporal, PostgreSQL."""

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        self.settings = settings
        self._tell = tell
        self.supervisor = Supervisor(settings.state_dir, tell)

    async def start(self, only: Collection[str] | None = None) -> None:
        """Return when every program is healthy; raises Problem for the first obstacle.

        `only` names the workers and web programs to start beside the services; None starts them all.
        """
        make_state_folders(self.settings)
        keys.ensure(self.settings)
        self._tell_of_shared_keys()
        await self.supervisor.clear_leftovers()
        check_free(ports(self.settings))
        wanted = [one for one in (*workers(self.settings), *webs(self.settings)) if only is None or one.name in only]
        early = [one for one in wanted if one.name == READER and self._may_begin_early()]
        await self._start_database()
        stand_ins = await self.supervisor.launch(*simulators(self.settings))
        reader = await self.supervisor.launch(*early)
        await self._migrate()
        services = [*stand_ins, *await self._launch_temporal()]
        self.supervisor.stop_before_others(reader)
        await self._ensure_demo()
        await self.supervisor.wait_ready(services)
        await self._reconcile_restored()
        self._tell(say("启动网页与工作进程", "Starting web programs and workers"))
        others = await self.supervisor.launch(*(one for one in wanted if one not in early))
        await self.supervisor.wait_ready([*reader, *others])

    async def stop(self) -> None:
        """Stop everything that was started; safe to call after a start that failed half-way."""
        await self.supervisor.stop()

    def _may_begin_early(self) -> bool:
        """Whether the reader may start before the database is migrated: it needs seconds of a processor before it works.

        It polls once Temporal answers, and ours starts after the migration. After a restore it waits for the reconciling.
        """
        return self.settings.embedded_temporal and restored.restored_at(self.settings) is None

    def _tell_of_shared_keys(self) -> None:
        """Keep the one shared secret of an older installation until each party has its own."""
        if parties := party_keys.sharing(self.settings):
            names = ", ".join(parties)
            self._tell(
                say(
                    f"以下外部系统仍共用一个签名密钥，请逐一更换（keys rotate，见 docs/operations.md）：{names}",
                    f"These outside systems still share one signing key; rotate each (keys rotate, see docs/operations.md): {names}",
                )
            )

    async def _start_database(self) -> None:
        if self.settings.embedded_postgres:
            self._tell(say("启动 PostgreSQL", "Starting PostgreSQL"))
            server = embedded_postgres(self.settings)
            await asyncio.to_thread(server.prepare)
            await self.supervisor.start(postgres_program(server))
            await asyncio.to_thread(server.create_database, "cardloop")

    async def _migrate(self) -> None:
        self._tell(say("更新数据库结构", "Bringing the database to the newest schema"))
        await migrate(self.settings)

    async def _launch_temporal(self) -> list[Child]:
        if not self.settings.embedded_temporal:
            await _require_temporal(self.settings)
            return []
        self._tell(say("启动 Temporal", "Starting Temporal"))
        return await self.supervisor.launch(temporal_program(self.settings))

    async def _reconcile_restored(self) -> None:
        """Reconcile after a restore, before any worker runs: find what was paid and what must continue."""
        taken_at = restored.restored_at(self.settings)
        if taken_at is None:
            return
        from bootstrap.reconciling import reconcile  # Loads the whole workflow layer.

        self._tell(say("恢复后对账", "Reconciling what was restored"))
        for one in await reconcile(self.settings, taken_at, after_restore=True):
            self._tell(f"{say('已修复', 'fixed') if one.fixed else say('须人工处理', 'for a person')}: {one.what}")
        restored.reconciled(self.settings)

    async def _ensure_demo(self) -> None:
        if self.settings.demo:
            self._tell(say("准备演示数据", "Making sure that the demo's people and stock are there"))
            if not logins.complete(logins.read(self.settings.demo_secrets_file)):
                from bootstrap.demo.people import ensure_demo  # Loads the whole database layer.

                await ensure_demo(self.settings)


async def migrate(settings: Settings) -> None:
    """Bring the database to the newest schema; raises Problem when it cannot be reached."""
    try:
        await asyncio.to_thread(upgrade, settings.sqlalchemy_url)
    except OSError as error:
        raise Problem(
            f"无法连接数据库（{error}），请检查 DATABASE_URL 及数据库是否运行。",
            f"The database cannot be reached ({error}): check DATABASE_URL, and that the server runs.",
        ) from error


def make_state_folders(settings: Settings) -> None:
    """Make the folders of what is kept; keys and photos for their owner alone."""
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    settings.state_dir.chmod(0o711)  # PostgreSQL's own user must pass through; the folder cannot be listed.
    for private in (settings.keys, settings.photos, settings.logs_dir, settings.alipay_keys, settings.wechat_keys):
        private.mkdir(mode=0o700, parents=True, exist_ok=True)


def embedded_postgres(settings: Settings) -> EmbeddedPostgres:
    """Return the PostgreSQL of this state folder."""
    return EmbeddedPostgres(settings.postgres_dir, settings.postgres_socket_dir)


def postgres_program(server: EmbeddedPostgres) -> Program:
    """PostgreSQL in the foreground; SIGINT is its fast shutdown, which rolls back what is open and loses nothing."""
    return Program(
        "postgres",
        server.command,
        in_thread(server.ready),
        identity=server.identity,
        stop_signal=signal.SIGINT,
    )


def temporal_program(settings: Settings) -> Program:
    """Return the dev server of the CLI that set-up found."""

    async def healthy() -> bool:
        return await temporal.serves(settings)

    return Program("temporal", temporal.dev_server_command(found_temporal_cli(settings), settings), healthy)


def found_temporal_cli(settings: Settings) -> Path:
    """Return the Temporal CLI that set-up recorded; raises Problem when there is none any more."""
    record = temporal_record(settings)
    program = Path(record.read_text().strip()) if record.is_file() else Path()
    if program.is_file():
        return program
    raise Problem(
        "尚未找到 Temporal CLI，请先运行 make setup。",
        "No Temporal CLI has been found yet: run `make setup` first.",
    )


def simulators(settings: Settings) -> list[Program]:
    """One process that hosts the six stand-ins, where they are wanted."""
    if not settings.simulators:
        return []
    return [_ours("simulators", simulators_command(settings), all_answer(simulator_healths(settings)))]


def simulators_command(settings: Settings) -> list[str]:
    """Return the six simulators on consecutive ports from the issuer's; their state survives a restart."""
    return python(
        *("-m", "simulators", "--seed", str(settings.simulators_seed)),
        *("--port-base", str(settings.issuer_url.port)),
        *("--state", str(settings.state_dir / "simulators.db")),
        *("--outside-keys", str(settings.outside_keys)),
        *("--keys", str(settings.alipay_keys)),
        *("--wechat-keys", str(settings.wechat_keys)),
        *("--bank-formats", str(settings.bank_formats)),
    )


def simulator_healths(settings: Settings) -> list[str]:
    """Where each simulator says that it is well."""
    return [f"{str(url).rstrip('/')}/healthz" for url in outside(settings).values()]


def outside(settings: Settings) -> dict[str, str]:
    """Name and address of each outside system."""
    return {name: str(getattr(settings, f"{name}_url")) for name in OUTSIDE}


def workers(settings: Settings) -> list[Program]:
    """List the processes that carry cards forward; they finish their current work before they stop."""
    return [_worker(name, settings) for name in WORKERS]


async def worker_polls(settings: Settings, name: str) -> bool:
    """Tell whether a worker of that name polls its task queue."""
    try:
        return await temporal.polled(await temporal.connect(settings), [WORKERS[name]])
    except (RuntimeError, RPCError):
        return False  # Temporal itself is away for the moment; the supervisor brings it back, and this asks again.


async def worker_drained(settings: Settings, kind: str) -> bool:
    """Tell whether this machine's first worker of that kind is drained; a database that does not answer drains no worker."""
    return await is_drained(settings.sqlalchemy_url, worker_name(kind, socket.gethostname()))


def _worker(name: str, settings: Settings) -> Program:
    async def polls() -> bool:
        return await worker_polls(settings, name)

    async def drained() -> bool:
        return await worker_drained(settings, name)

    command = python("-m", "cli", "work", name)
    program = _ours(f"worker-{name}", command, polls, stop_seconds_max=_WORKER_STOP_SECONDS_MAX)
    return replace(program, held=drained, loaded_by=PROGRAMS)


def webs(settings: Settings) -> list[Program]:
    """List the programs that people and partners reach."""
    listening = {"api": settings.api_port, "console": settings.console_port, "codec": settings.codec_port}
    return [
        replace(
            _ours(name, python("-m", "cli", "serve", name), answers(f"http://{reached(settings.host)}:{port}/healthz")),
            loaded_by=PROGRAMS,
        )
        for name, port in listening.items()
    ]


def _ours(name: str, command: list[str], healthy: Check, stop_seconds_max: float = 15.0) -> Program:
    path = os.pathsep.join(part for part in (str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")) if part)
    environment = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    return Program(name, command, healthy, environment, cwd=PROJECT_ROOT, stop_seconds_max=stop_seconds_max)


def reached(host: str) -> str:
    """Return the address at which this machine reaches a program that listens on ``host``."""
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  # Compared, not listened on.


def ports(settings: Settings) -> dict[str, tuple[str, int]]:
    """Every port that a start takes, by the variable that moves it."""
    wanted = web_ports(settings)
    if settings.embedded_temporal:
        wanted |= {f"CARDLOOP_{name.upper()}": ("127.0.0.1", getattr(settings, name)) for name in _TEMPORAL_PORTS}
    if settings.metrics_port is not None:
        taken = {name: metrics_port(settings, name) or 0 for name in STEPS}
        wanted |= {f"CARDLOOP_METRICS_PORT ({name})": (settings.metrics_host, port) for name, port in taken.items()}
    if settings.simulators:
        urls = {f"CARDLOOP_{name.upper()}_URL": urlsplit(url) for name, url in outside(settings).items()}
        wanted |= {variable: (url.hostname or "", url.port or 80) for variable, url in urls.items()}
    return wanted


def web_ports(settings: Settings) -> dict[str, tuple[str, int]]:
    """Return the ports of our web programs, by the variable that moves each."""
    return {f"CARDLOOP_{name.upper()}": (settings.host, getattr(settings, name)) for name in _WEB_PORTS}


_WEB_PORTS = ("api_port", "console_port", "codec_port")
_TEMPORAL_PORTS = ("temporal_port", "temporal_ui_port")


async def _require_temporal(settings: Settings) -> None:
    if not await temporal.serves(settings):
        raise Problem(
            f"无法连接 Temporal {settings.temporal_target}（命名空间 {settings.temporal_namespace}），"
            "请检查 CARDLOOP_TEMPORAL_* 设置。",
            f"Temporal at {settings.temporal_target} (namespace {settings.temporal_namespace}) does not answer: check "
            "the CARDLOOP_TEMPORAL_* settings.",
        )
