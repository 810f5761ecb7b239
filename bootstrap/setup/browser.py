"""A Chromium for the tests that submit a card as a seller's phone would; nothing that runs cards needs it."""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from bootstrap.setup import system
from bootstrap.setup.commands import CommandFailed, Progress, run
from bootstrap.words import Problem

_DOWNLOAD_SECONDS_MAX = 180.0
# The shell draws pages as the browser does and has no window: it takes a third less of a processor.
_SYSTEM_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# A file of each Debian package of fonts that pictures, PDF files and the photo set are drawn with.
_FONTS = {
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"): "fonts-noto-cjk",
    Path("/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf"): "fonts-dejavu-core",
    Path("/usr/share/fonts/truetype/dejavu/DejaVuSansCondensed-Bold.ttf"): "fonts-dejavu-extra",
}


def find() -> Path | None:
    """Return the browser that tests use: the machine's own Chromium, else the one that Playwright fetched."""
    for name in _SYSTEM_NAMES:
        if found := shutil.which(name):
            return Path(found)
    with sync_playwright() as playwright:
        fetched = Path(playwright.chromium.executable_path)
    return fetched if fetched.is_file() else None


def lay_out(record: Path, progress: Progress) -> None:
    """Find or fetch Chromium and write its path into ``record``; raises Problem with the command to run otherwise."""
    found = find() or _fetched(progress)
    if found is None:
        _install(progress)
        found = find()
    elif fonts := _fonts():
        system.install(fonts, progress)
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(str(found))


def _install(progress: Progress) -> None:
    """Install the shell, or the whole browser where the distribution has no package of the shell."""
    try:
        system.install(["chromium-headless-shell", *_fonts()], progress)
    except Problem:
        system.install(["chromium", *_fonts()], progress)


def _fetched(progress: Progress) -> Path | None:
    progress("playwright install chromium")
    try:
        run(
            [sys.executable, "-m", "playwright", "install", "chromium"],
            progress,
            timeout_s=_DOWNLOAD_SECONDS_MAX,
        )
    except CommandFailed:
        return None  # Where only registries are reached this download fails; Debian's package comes next.
    return find()


def _fonts() -> list[str]:
    """The packages whose fonts are missing here."""
    return [package for mark, package in _FONTS.items() if not mark.exists()]
