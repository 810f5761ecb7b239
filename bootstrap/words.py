"""What set-up and start-up say to the person at the terminal, in Chinese or English by their locale."""

import os
from collections.abc import Mapping


def speaks_chinese(environment: Mapping[str, str]) -> bool:
    """Tell from the locale variables, in the order that POSIX gives them, whether the terminal is Chinese."""
    named = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return next((value for value in named if value), "").lower().startswith("zh")


def say(chinese: str, english: str) -> str:
    """Choose one of two wordings of the same sentence for this process's locale."""
    return chinese if speaks_chinese(os.environ) else english


class Problem(Exception):
    """Something only the person at the terminal can fix: one sentence that says what, and what to do."""

    def __init__(self, chinese: str, english: str) -> None:
        super().__init__(say(chinese, english))
