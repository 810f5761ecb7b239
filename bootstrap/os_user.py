"""Who runs a command, as the operating system knows them: the environment of a process names whomever it likes."""

from __future__ import annotations

import os
import pwd


def os_user() -> str:
    """Return the login name of the user who runs this process, or `uid:<number>` where the system has no name for them."""
    user = os.getuid()
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:  # A container may run under a number that its image does not name.
        return f"uid:{user}"
