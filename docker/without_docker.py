"""Runs Temporal's real server on PostgreSQL beside Cardloop, with the scripts that Compose's jobs run."""

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

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

_VERSION = "v1.29.1"
_MODULE = "go.temporal.io/server"
_GO_SECONDS_MAX = 1500.0
_NAMESPACE = "cardloop"
_MEMBERSHIP_PORT_STEP = 100  # Each of the server's parts gossips on a port of its own, this far above its gRPC port.


@dataclass(frozen=True)
class Arrangement:
    """Where this arrangement's programs, data and ports are; the data is apart from the one of `make up`."""

    settings: Settings
    programs: Path
    folder: Path
    sql_port: int
    sql_password: str

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
            "SCHEMA": str(schema_folder()),
        }


def server_configuration(arrangement: Arrangement) -> dict[str, object]:
    """The server's configuration: four parts in one process, two databases on one PostgreSQL."""
    settings = arrangement.settings
    port = settings.temporal_port
    stores = {name: {"sql": _store(arrangement, name)} for name in ("temporal", "temporal_visibility")}
    return {
        "log": {"stdout": True, "level": "warn"},
        "persistence": {
            "defaultStore": "temporal",
            "visibilityStore": "temporal_visibility",
            "numHistoryShards": 4,
            "datastores": stores,
        },
        "global": {"membership": {"maxJoinDuration": "30s", "broadcastAddress": "127.0.0.1"}},
        "services": {name: _part(port + step) for name, step in _PARTS.items()},
        "clusterMetadata": {
            "enableGlobalNamespace": False,
            "failoverVersionIncrement": 10,
            "masterClusterName": "active",
            "currentClusterName": "active",
            "clusterInformation": {
                "active": {
                    "enabled": True,
                    "initialFailoverVersion": 1,
                    "rpcName": "frontend",
                    "rpcAddress": f"127.0.0.1:{port}",
                }
            },
        },
    }


_PARTS = {"frontend": 0, "history": 1, "matching": 2, "worker": 6}


def _part(port: int) -> dict[str, object]:
    return {"rpc": {"grpcPort": port, "membershipPort": port - _MEMBERSHIP_PORT_STEP, "bindOnIP": "127.0.0.1"}}


def _store(arrangement: Arrangement, database: str) -> dict[str, object]:
    return {
        "pluginName": "postgres12",
        "databaseName": database,
        "connectAddr": f"127.0.0.1:{arrangement.sql_port}",
        "connectProtocol": "tcp",
        "user": "temporal",
        "password": arrangement.sql_password,
        "maxConns": 20,
        "maxIdleConns": 20,
        "maxConnLifetime": "1h",
    }


def schema_folder() -> Path:
    """Where the server's module keeps its PostgreSQL schema files; raises Problem when Go has not fetched it."""
    asked = subprocess.run(
        [_go(), "mod", "download", "-json", f"{_MODULE}@{_VERSION}"], check=True, capture_output=True
    )
    return Path(json.loads(asked.stdout)["Dir"]) / "schema" / "postgresql" / "v12"


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


def build(programs: Path, tell: Tell) -> None:
    """Build the server and its schema tool, unless they are there; raises Problem with Go's reason."""
    if (programs / "server").is_file() and (programs / "sql").is_file():
        return
    packages = [f"{_MODULE}/cmd/{name}@{_VERSION}" for name in ("server", "tools/sql")]
    environment = {"GOBIN": str(programs)}
    programs.mkdir(parents=True, exist_ok=True)
    tell(f"go install {_MODULE} {_VERSION}")
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
        raise Problem("需要 Go 1.24 或更高版本，请先安装。", "Go 1.24 or newer is needed: install it first.")
    return go


async def start_server(arrangement: Arrangement, supervisor: Supervisor) -> None:
    """Start PostgreSQL and the server, with schema before and namespace after, exactly as Compose orders them."""
    await supervisor.start(postgres_program(arrangement.postgres))
    await asyncio.to_thread(_make_role, arrangement)
    await _script("temporal-schema.sh", arrangement.sql_environment)
    configuration = arrangement.folder / "config"
    configuration.mkdir(exist_ok=True)
    (configuration / "production.yaml").write_text(yaml.safe_dump(server_configuration(arrangement)))
    (configuration / "production.yaml").chmod(0o600)
    await supervisor.start(_server_program(arrangement, configuration))


async def register(arrangement: Arrangement) -> None:
    """Register the namespace, and wait until the server knows it."""
    cli = found_temporal_cli(arrangement.settings)
    address = arrangement.settings.temporal_target
    await _script(
        "temporal-namespace.sh",
        {"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": _NAMESPACE, "TEMPORAL_CLI": str(cli)},
    )


def _server_program(arrangement: Arrangement, configuration: Path) -> Program:
    command = [
        str(arrangement.programs / "server"),
        "--root",
        str(configuration.parent),
        "--config",
        configuration.name,
        "--env",
        "production",
    ]
    cli = str(found_temporal_cli(arrangement.settings))
    health = [cli, "operator", "cluster", "health", "--address", arrangement.settings.temporal_target]

    async def healthy() -> bool:
        asked = await asyncio.create_subprocess_exec(
            *health, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        return await asked.wait() == 0

    return Program("temporal-server", [*command, "--allow-no-auth", "start"], healthy, cwd=arrangement.folder)


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


def arrange(settings: Settings) -> Arrangement:
    """Fix ports, folders and a fresh password for this run."""
    folder = settings.state_dir / "production"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    programs = settings.cache_dir / "temporal-server"
    return Arrangement(settings, programs, folder, free(), secrets.token_hex(24))


def external(arrangement: Arrangement) -> Settings:
    """Cardloop's settings against this arrangement's servers."""
    socket_dir, port = arrangement.postgres.socket_dir, arrangement.sql_port
    os.environ["DATABASE_URL"] = f"postgresql://postgres@/cardloop?host={socket_dir}&port={port}"
    os.environ["CARDLOOP_TEMPORAL_ADDRESS"] = arrangement.settings.temporal_target
    os.environ["CARDLOOP_TEMPORAL_NAMESPACE"] = _NAMESPACE
    return Settings()


async def main(settings: Settings) -> None:
    """Start all, print where it is, and stop all at the first SIGINT or SIGTERM."""
    console = Console(highlight=False)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with StateLock(settings.state_dir):
        arrangement = arrange(settings)
        await asyncio.to_thread(build, arrangement.programs, console.print)
        check_free({"CARDLOOP_TEMPORAL_PORT": ("127.0.0.1", settings.temporal_port)})
        await asyncio.to_thread(arrangement.postgres.prepare)
        servers = Supervisor(arrangement.folder, console.print)
        await servers.clear_leftovers()
        try:
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
