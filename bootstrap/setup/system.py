"""Debian packages: installed when this user may, otherwise named in one exact command to run by hand."""

import ctypes
import functools
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence

from bootstrap.setup.commands import CommandFailed, Progress, run
from bootstrap.words import Problem

_APT_SECONDS_MAX = 900.0
_READER_LIBRARIES = {"libGL.so.1": "libgl1", "libgthread-2.0.so.0": "libglib2.0-0"}


def missing_libraries(libraries: Iterable[str]) -> list[str]:
    """Name those shared libraries that this machine's loader does not find."""
    return [library for library in libraries if not _loads(library)]


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def lay_reader_libraries(progress: Progress) -> None:
    """Make sure that OpenCV finds libGL and libglib; raises Problem with the command to run when it cannot."""
    missing = missing_libraries(_READER_LIBRARIES)
    if not missing:
        return
    install([_READER_LIBRARIES[library] for library in missing], progress)
    if still := missing_libraries(_READER_LIBRARIES):
        raise Problem(
            f"系统仍然找不到 {'、'.join(still)}，请检查 apt 的输出后重试。",
            f"This machine still does not find {', '.join(still)}; look at what apt says, then try again.",
        )


def install(packages: Sequence[str], progress: Progress) -> None:
    """Install Debian packages; raises Problem when this user may not, or apt fails."""
    prefix = _privilege()
    if prefix is None:
        raise _by_hand(packages, "")
    try:
        _refresh_lists(tuple(prefix))
        run([*prefix, *_apt("install", "--no-install-recommends", *packages)], progress, timeout_s=_APT_SECONDS_MAX)
    except CommandFailed as failure:
        raise _by_hand(packages, failure.tail) from failure


def _by_hand(packages: Sequence[str], reason: str) -> Problem:
    command = f"sudo apt-get update && sudo apt-get install -y {' '.join(packages)}"
    suffix = f" ({reason})" if reason else ""
    return Problem(
        f"缺少系统软件包，请运行：{command}，然后重试。{suffix}",
        f"System packages are missing: run `{command}`, then try again.{suffix}",
    )


@functools.cache
def _refresh_lists(prefix: tuple[str, ...]) -> None:
    """Fetch the package lists once per set-up: an image's lists may be empty, or name versions that are gone."""
    run([*prefix, *_apt("update")], lambda line: None, timeout_s=_APT_SECONDS_MAX)


def _apt(*arguments: str) -> list[str]:
    return ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y", "-q", *arguments]


def _privilege() -> list[str] | None:
    """Find what to put before apt-get: nothing as root, sudo when it asks no password, None when neither."""
    if shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    allowed = subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True)
    return ["sudo", "-n"] if allowed.returncode == 0 else None
