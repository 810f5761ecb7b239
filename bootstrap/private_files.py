"""Files that a command writes for its caller alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bootstrap.words import Problem

FOR_ITS_OWNER_ALONE = 0o600


@contextmanager
def new_private_file(out: Path) -> Iterator[BinaryIO]:
    """Open a new file that only its owner can read from its first byte on; remove it when the block raises.

    Raises Problem for a file that exists and for a folder that cannot be written to.
    """
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FOR_ITS_OWNER_ALONE)
    except FileExistsError:
        raise Problem(f"{out} 已存在，不会覆盖。", f"{out} is there already and is not written over.") from None
    except OSError as failed:
        raise Problem(f"无法写入 {out}：{failed.strerror}。", f"{out} cannot be written: {failed.strerror}.") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        out.unlink(missing_ok=True)  # Half a file is taken for a whole one.
        raise
