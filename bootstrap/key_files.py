"""How a file with a secret is read and written: whole or not at all, and for its owner only."""

from __future__ import annotations

import os
from pathlib import Path

from bootstrap.words import Problem


def read(path: Path) -> bytes:
    """Return the file's content. Raises Problem naming a file that is missing."""
    require(path)
    return path.read_bytes()


def write(path: Path, content: bytes, owner: int | None = None) -> None:
    """Written whole or not at all, readable by its owner only: ourselves, or the user and group with that number."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if owner is not None:
            os.fchown(descriptor, owner, owner)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)


def require(path: Path) -> None:
    """Raises Problem naming the file that is missing."""
    if not path.is_file():
        raise Problem(
            f"缺少密钥文件 {path}：请运行 python -m cli keys make（见 docs/operations.md 的 Keys 一节），或以演示模式启动（CARDLOOP_DEMO=true）。",
            f"The key file {path} is missing: run `python -m cli keys make` (see 'Keys' in docs/operations.md), or start with CARDLOOP_DEMO=true.",
        )


def damaged(path: Path) -> Problem:
    """Return the problem to report for a key file that cannot be read."""
    return Problem(f"密钥文件 {path} 已损坏。", f"The key file {path} is damaged: restore it from a backup.")
