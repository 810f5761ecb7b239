"""Says that it is imported, in the file that LOADED names."""

from __future__ import annotations

import os
from pathlib import Path

with Path(os.environ["LOADED"]).open("a", encoding="utf-8") as file:
    file.write(f"{os.getpid()}\n")
