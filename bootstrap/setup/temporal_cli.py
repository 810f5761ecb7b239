"""Find Temporal's command line, whose dev server holds every card's workflow on one machine."""

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.setup import sdk
from bootstrap.setup.commands import CommandFailed, Progress, run
from bootstrap.words import Problem

# The last version that `go install` accepts: from 1.6 on its go.mod holds a replace directive.
GO_PACKAGE = "github.com/temporalio/cli/cmd/temporal@v1.5.1"
_GO_SECONDS_MAX = 1500.0
_NAME = "temporal"


@dataclass(frozen=True)
class Finder:
    """Looks in five places, the cheapest and most deliberate first.

    ``environment`` is where CARDLOOP_TEMPORAL_CLI and PATH are read from; ``cache`` the project's cache folder.
    ``download`` and ``build`` put a CLI at the path that they are given, or say why not by raising CommandFailed.
    """

    environment: Mapping[str, str]
    cache: Path
    download: Callable[[Path, Progress], None]
    build: Callable[[Path, Progress], None]

    def find(self, progress: Progress) -> Path:
        """Return the path of a CLI that runs; raises Problem naming all five places when there is none."""
        found = self.look()
        if found is not None:
            return found
        reasons = []
        for make in (self.download, self.build):
            try:
                make(self.cached, progress)
                return self._checked(self.cached)
            except CommandFailed as failure:
                reasons.append(str(failure))
        raise _nowhere(self.cached, reasons)

    def look(self) -> Path | None:
        """Look where nothing has to be fetched: the variable, PATH, the cache.

        Raises Problem when the variable names something that does not run: it was set on purpose.
        """
        if named := self.environment.get("CARDLOOP_TEMPORAL_CLI"):
            return self._named(Path(named))
        on_path = shutil.which(_NAME, path=self.environment.get("PATH", ""))
        for candidate in (Path(on_path) if on_path else None, self.cached):
            if candidate is not None and runs(candidate):
                return candidate
        return None

    @property
    def cached(self) -> Path:
        """Where a fetched or built CLI is kept."""
        return self.cache / _NAME

    def _named(self, path: Path) -> Path:
        if runs(path):
            return path
        raise Problem(
            f"CARDLOOP_TEMPORAL_CLI 指向的 {path} 无法运行，请改为可用的 Temporal CLI，或取消该变量。",
            f"CARDLOOP_TEMPORAL_CLI names {path}, which does not run: name a working Temporal CLI, or unset it.",
        )

    def _checked(self, path: Path) -> Path:
        if runs(path):
            return path
        raise CommandFailed([str(path)], "was fetched but does not run on this machine")


def _nowhere(cached: Path, reasons: list[str]) -> Problem:
    why = "; ".join(reasons)
    return Problem(
        "找不到 Temporal CLI：CARDLOOP_TEMPORAL_CLI 未设置，PATH 与缓存中都没有，SDK 下载与 go install 均未成功"
        f"（{why}）。请安装 Go 1.23 以上版本或 Temporal CLI 后重试，或把程序放到 {cached}。",
        "No Temporal CLI: CARDLOOP_TEMPORAL_CLI is unset, PATH and the cache hold none, the SDK's download and "
        f"`go install` did not work ({why}). Install Go 1.23 or newer, or the Temporal CLI itself, then try again; "
        f"or put the program at {cached}.",
    )


def runs(path: Path) -> bool:
    """Tell whether the file is a Temporal CLI that this machine can run."""
    try:
        shown = subprocess.run([path, "--version"], check=False, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return shown.returncode == 0 and "temporal" in shown.stdout.lower()


def download(target: Path, progress: Progress) -> None:
    """Let the SDK fetch the CLI that suits it; raises CommandFailed where the internet is not reached in time."""
    progress("temporal.download")
    _place(sdk.fetch(sdk.start_dev_server, target.parent / "sdk", _NAME), target)


def build(target: Path, progress: Progress) -> None:
    """Build the CLI from the Go module proxy, about 3 minutes on 2 cores; raises CommandFailed with Go's reason."""
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")
    if go is None:
        raise CommandFailed(["go"], "Go is not installed")
    folder = target.parent / "go-bin"
    folder.mkdir(parents=True, exist_ok=True)
    run(
        [go, "install", "-v", "-ldflags=-s -w", GO_PACKAGE],
        progress,
        timeout_s=_GO_SECONDS_MAX,
        environment={"GOBIN": str(folder), "GOFLAGS": os.environ.get("GOFLAGS", "")},
    )
    _place(folder / _NAME, target)


def _place(source: Path, target: Path) -> None:
    source.chmod(source.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    source.replace(target)


def finder(cache: Path) -> Finder:
    """Make the finder of this machine."""
    return Finder(os.environ, cache, download, build)
