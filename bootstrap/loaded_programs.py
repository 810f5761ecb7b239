"""What the web programs and workers of one machine load, imported once by the process that they are forked from."""

from __future__ import annotations

from importlib import import_module

from bootstrap.loading import loading

with loading():
    for name in (
        "cli.main",
        "bootstrap.serving",
        "bootstrap.web.api",
        "bootstrap.web.console",
        "bootstrap.web.codec",
        "bootstrap.workers",
        "bootstrap.reading",
    ):
        import_module(name)
