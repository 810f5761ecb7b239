"""Runs Temporal's real server on PostgreSQL beside Cardloop: Compose's server version, its environment and its jobs' scripts."""

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from bootstrap.local import temporal
from bootstrap.local.lock import StateLock
from bootstrap.local.ports import check_free, free
from bootstrap.local.postgres import EmbeddedPostgres
from bootstrap.local.supervisor import Program, Supervisor, Tell
from bootstrap.platform import Platform, found_temporal_cli, postgres_program
from bootstrap.settings import PROJECT_ROOT, Settings
from bootstrap.setup.commands import CommandFailed, run
from bootstrap.words import Problem
from cli.welcome import welcome

_MODULE = "go.temporal.io/server"
_GO_SECONDS_MAX = 1500.0
NAMESPACE = "cardloop"
_MEMBERSHIP_PORT_STEP = 100  # Each of the server's parts gossips on a port of its own, this far above its gRPC port.


@dataclass(frozen=True)
class Arrangement:
    """Where this arrangement's programs, data and ports are; the data is apart from the one of `make up`.

    ``version`` is the Temporal server's, without a leading v.
    """

    settings: Settings
    version: str
    folder: Path
    sql_port: int
    sql_password: str

    @property
    def programs(self) -> Path:
        """The folder of this version's server and schema tool."""
        return self.settings.cache_dir / "temporal-server" / self.version

    @property
    def postgres(self) -> EmbeddedPostgres:
        """A PostgreSQL that also listens on loopback, with a password, as Temporal's server needs it."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.sql_port),
            "hba_file": str(self.folder / "pg_hba.conf"),
        }
        return EmbeddedPostgres(
            self.folder / "postgres", self.settings.postgres_socket_dir, options, postgres_programs()
        )

    @property
    def sql_environment(self) -> dict[str, str]:
        """What docker/temporal-schema.sh wants."""
        return {
            "SQL_HOST": "127.0.0.1",
            "SQL_PORT": str(self.sql_port),
            "SQL_USER": "temporal",
            "SQL_PASSWORD": self.sql_password,
            "SQL_TOOL": str(self.programs / "sql"),
            "SCHEMA": str(module(self.version) / "schema" / "postgresql" / "v12"),
        }


@cache
def compose_server() -> dict[str, Any]:
    """The service `temporal` of docker-compose.yml."""
    compose = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text())
    service: dict[str, Any] = compose["services"]["temporal"]
    return service


def compose_version() -> str:
    """The version of Temporal's server that Compose runs."""
    return str(compose_server()["image"].split("@")[0].split(":")[1])


def server_environment(arrangement: Arrangement) -> dict[str, str]:
    """What Compose gives its server, with this machine's addresses and ports and this run's password."""
    first = arrangement.settings.temporal_port
    ports = {f"{name}_GRPC_PORT": str(first + step) for name, step in _PARTS.items()}
    gossip = {f"{name}_MEMBERSHIP_PORT": str(first + step - _MEMBERSHIP_PORT_STEP) for name, step in _PARTS.items()}
    return {
        **compose_server()["environment"],
        **ports,
        **gossip,
        "FRONTEND_HTTP_PORT": str(first + _HTTP_PORT_STEP),
        "BIND_ON_IP": "127.0.0.1",
        "POSTGRES_SEEDS": "127.0.0.1",
        "DB_PORT": str(arrangement.sql_port),
        "VISIBILITY_DB_PORT": str(arrangement.sql_port),  # 1.29 takes it from there alone.
        "POSTGRES_PWD": arrangement.sql_password,
        "DYNAMIC_CONFIG_FILE_PATH": str(PROJECT_ROOT / "docker" / "temporal-dynamic.yaml"),
        "LOG_LEVEL": "warn",
    }


_PARTS = {"FRONTEND": 0, "HISTORY": 1, "MATCHING": 2, "WORKER": 6}
_HTTP_PORT_STEP = 10


def module(version: str) -> Path:
    """Where Go keeps the source of that server, fetched first when it is not there; raises CalledProcessError."""
    asked = subprocess.run(
        [_go(), "mod", "download", "-json", f"{_MODULE}@v{version}"], check=True, capture_output=True
    )
    return Path(json.loads(asked.stdout)["Dir"])


def postgres_programs() -> Path:
    """A PostgreSQL with the extension btree_gin, which Temporal's schema uses and the wheel does not have.

    POSTGRES_PROGRAMS names its folder; else Debian's newest. Raises Problem with the command that installs it.
    """
    if named := os.environ.get("POSTGRES_PROGRAMS"):
        return Path(named)
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda program: int(program.parts[-3]))
    if found:
        return found[-1].parent
    raise Problem(
        "Temporal 服务器需要带 btree_gin 的 PostgreSQL：请运行 sudo apt-get install -y postgresql，或用 POSTGRES_PROGRAMS 指定其 bin 目录。",
        "Temporal's server needs a PostgreSQL with btree_gin: run `sudo apt-get install -y postgresql`, or name its "
        "folder of programs in POSTGRES_PROGRAMS.",
    )


def build(arrangement: Arrangement, tell: Tell) -> None:
    """Build the server and its schema tool of that version, unless they are there; raises Problem with Go's reason."""
    programs, version = arrangement.programs, f"v{arrangement.version}"
    if (programs / "server").is_file() and (programs / "sql").is_file():
        return
    packages = [f"{_MODULE}/cmd/{name}@{version}" for name in ("server", "tools/sql")]
    environment = {"GOBIN": str(programs)}
    programs.mkdir(parents=True, exist_ok=True)
    tell(f"go install {_MODULE} {version}")
    try:
        run([_go(), "install", "-ldflags=-s -w", *packages], tell, timeout_s=_GO_SECONDS_MAX, environment=environment)
    except CommandFailed as failure:
        raise Problem(
            f"无法构建 Temporal 服务器：{failure.tail}。请检查网络或 GOPROXY。",
            f"Temporal's server could not be built: {failure.tail}. Check the network or GOPROXY.",
        ) from failure


def _go() -> str:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise Problem("需要 Go 1.26 或更高版本，请先安装。", "Go 1.26 or newer is needed: install it first.")
    return go


async def start_database(arrangement: Arrangement, supervisor: Supervisor) -> None:
    """Start PostgreSQL with Temporal's role and an empty database of ours."""
    await supervisor.start(postgres_program(arrangement.postgres))
    await asyncio.to_thread(_make_role, arrangement)


async def start_server(arrangement: Arrangement, supervisor: Supervisor) -> None:
    """Bring Temporal's schema to this server's version, then start the server, as Compose orders them."""
    await _script("temporal-schema.sh", arrangement.sql_environment)
    await supervisor.start(_server_program(arrangement))


async def register(arrangement: Arrangement) -> None:
    """Register the namespace, and wait until the server knows it."""
    cli = found_temporal_cli(arrangement.settings)
    address = arrangement.settings.temporal_target
    await _script(
        "temporal-namespace.sh",
        {"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": NAMESPACE, "TEMPORAL_CLI": str(cli)},
    )


def _server_program(arrangement: Arrangement) -> Program:
    """The server as its image starts it: configured by its environment alone."""
    cli = str(found_temporal_cli(arrangement.settings))
    health = [cli, "operator", "cluster", "health", "--address", arrangement.settings.temporal_target]

    async def healthy() -> bool:
        asked = await asyncio.create_subprocess_exec(
            *health, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        return await asked.wait() == 0

    command = [str(arrangement.programs / "server"), *template_arguments(arrangement.version), "start"]
    return Program(
        "temporal-server", command, healthy, environment=server_environment(arrangement), cwd=arrangement.folder
    )


def template_arguments(version: str) -> list[str]:
    """Where a server from before 1.30 finds the template of its configuration; later ones carry it within them."""
    if tuple(int(part) for part in version.split(".")) >= (1, 30, 0):
        return []
    return ["--root", str(module(version)), "--config", "config", "--env", "docker"]


def _make_role(arrangement: Arrangement) -> None:
    password = arrangement.sql_password  # Hex digits of our own making: nothing in it needs quoting.
    arrangement.postgres.execute(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'temporal') "
        "THEN CREATE ROLE temporal LOGIN CREATEDB; END IF; END $$"
    )
    arrangement.postgres.execute(f"ALTER ROLE temporal PASSWORD '{password}'")
    arrangement.postgres.create_database("cardloop")


async def _script(name: str, environment: dict[str, str]) -> None:
    done = await asyncio.create_subprocess_exec(
        "/bin/sh", str(PROJECT_ROOT / "docker" / name),
        env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    printed, _ = await done.communicate()
    if done.returncode:
        last = printed.decode(errors="replace").strip().splitlines()[-1:]
        raise Problem(f"{name} 失败：{last}。", f"{name} failed: {last}.")


def arrange(settings: Settings, version: str) -> Arrangement:
    """Fix ports, folders and a fresh password for this run of that server version."""
    folder = settings.state_dir / "production"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    return Arrangement(settings, version, folder, free(), secrets.token_hex(24))


def external(arrangement: Arrangement) -> Settings:
    """Cardloop's settings against this arrangement's servers."""
    socket_dir, port = arrangement.postgres.socket_dir, arrangement.sql_port
    os.environ["DATABASE_URL"] = f"postgresql://postgres@/cardloop?host={socket_dir}&port={port}"
    os.environ["CARDLOOP_TEMPORAL_ADDRESS"] = arrangement.settings.temporal_target
    os.environ["CARDLOOP_TEMPORAL_NAMESPACE"] = NAMESPACE
    return Settings()


async def main(settings: Settings) -> None:
    """Start all, print where it is, and stop all at the first SIGINT or SIGTERM."""
    console = Console(highlight=False)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with StateLock(settings.state_dir):
        arrangement = arrange(settings, compose_version())
        await asyncio.to_thread(build, arrangement, console.print)
        check_free({"CARDLOOP_TEMPORAL_PORT": ("127.0.0.1", settings.temporal_port)})
        await asyncio.to_thread(arrangement.postgres.prepare)
        servers = Supervisor(arrangement.folder, console.print)
        await servers.clear_leftovers()
        try:
            await start_database(arrangement, servers)
            await start_server(arrangement, servers)
            await register(arrangement)
            await _run_cardloop(external(arrangement), console, stopping)
        finally:
            await servers.stop()


async def _run_cardloop(settings: Settings, console: Console, stopping: asyncio.Event) -> None:
    if not await temporal.serves(settings):
        raise Problem("Temporal 服务器没有应答。", "Temporal's server does not answer.")
    platform = Platform(settings, console.print)
    try:
        await platform.start()
        welcome(settings, console)
        await stopping.wait()
    finally:
        await platform.stop()


if __name__ == "__main__":
    try:
        asyncio.run(main(Settings()))
    except Problem as problem:
        sys.exit(f"✗ {problem}")
