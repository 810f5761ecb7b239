"""One thing that is wrong with an installation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Verdict(IntEnum):
    """The exit code of `doctor`."""

    WELL = 0
    BROKEN = 1  # Something does not work, or will lose data.
    ATTENTION = 2  # Everything works; something should be looked at.


@dataclass(frozen=True)
class Finding:
    """`code` names it for programs; `said` is a sentence without secrets, `remedy` the command or page that fixes it."""

    code: str
    verdict: Verdict
    said: str
    remedy: str


def broken(code: str, said: str, remedy: str) -> Finding:
    """Return a finding that keeps the installation from working."""
    return Finding(code, Verdict.BROKEN, said, remedy)


def attention(code: str, said: str, remedy: str) -> Finding:
    """Return a finding that should be looked at."""
    return Finding(code, Verdict.ATTENTION, said, remedy)


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Return the verdict of the whole."""
    found = {one.verdict for one in findings}
    return next((one for one in (Verdict.BROKEN, Verdict.ATTENTION) if one in found), Verdict.WELL)
