"""How a program that started others ends when it is stopped: its clean-up runs, so that none of them is left behind."""

from __future__ import annotations

import signal
import sys


def clean_up_on_sigterm() -> None:
    """Make SIGTERM raise SystemExit(143) in the main thread, as SIGINT raises KeyboardInterrupt; by default it ends a program at once."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
