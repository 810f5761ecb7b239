"""Ports are looked at before anything starts: one taken port is one sentence, not a trace in a log."""

import socket
from collections.abc import Mapping

from bootstrap.words import Problem


def in_use(host: str, port: int) -> bool:
    """Tell whether something else listens on the port already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # A port that only lingers in TIME_WAIT is free.
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def free(host: str = "127.0.0.1") -> int:
    """Pick a port that is free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def check_free(wanted: Mapping[str, tuple[str, int]]) -> None:
    """Raise Problem for the first taken port; ``wanted`` maps the variable that moves it to (host, port)."""
    for variable, (host, port) in wanted.items():
        if in_use(host, port):
            raise Problem(
                f"端口 {port} 已被其他程序占用：请关闭该程序，或用 {variable}=另一个端口 启动。",
                f"Port {port} is taken by another program: stop that program, or start with {variable}=another port.",
            )
