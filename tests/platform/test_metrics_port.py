"""Several processes of one kind on one machine: each gives its metrics, at a port that its log names."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from bootstrap.telemetry.listener import APART, SEVERAL, STEPS
from tests.whole import free_ports

STEP = STEPS["cards"]
GIVES = """
from urllib.request import urlopen
from bootstrap.settings import Settings
from bootstrap.telemetry.listener import give_metrics
port = give_metrics(Settings(), "cards")
assert port is None or b"process_" in urlopen(f"http://127.0.0.1:{port}/metrics").read()
print("port", port)
"""


@contextmanager
def taken(*ports: int) -> Iterator[None]:
    """Other processes have these ports."""
    with ExitStack() as held:
        for port in ports:
            other = held.enter_context(socket.socket())
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", port))
            other.listen()
        yield


def given(python: Callable[..., subprocess.CompletedProcess[str]], first: int) -> tuple[str, str]:
    """Where a card worker gives its metrics, and what it logged."""
    done = python("-c", GIVES, CARDLOOP_METRICS_PORT=str(first))
    assert done.returncode == 0, done.stderr
    *logged, said = done.stdout.splitlines()
    return said, "\n".join(logged)


def test_a_second_worker_takes_the_next_port_and_says_so(
    python: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    first = free_ports(STEP + APART * 2)
    assert given(python, first) == (f"port {first + STEP}", "")
    with taken(first + STEP):
        said, logged = given(python, first)
    assert said == f"port {first + STEP + APART}"
    assert "metrics_port_taken" in logged
    assert "CARDLOOP_METRICS_PORT" in logged


def test_where_every_port_is_taken_the_log_names_the_setting(
    python: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    first = free_ports(STEP + APART * SEVERAL)
    with taken(*range(first + STEP, first + STEP + APART * SEVERAL, APART)):
        said, logged = given(python, first)
    assert said == "port None"
    assert "no_metrics" in logged
    assert "CARDLOOP_METRICS_PORT" in logged
