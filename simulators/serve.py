"""Starts one simulator or all of them in one process, and stops them together on Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import uvicorn
import uvloop
from fastapi import FastAPI

from simulators.program import Program, Setup

GRACE_S = 2


class _Quiet(uvicorn.Server):
    """A server that leaves signals to its host, for all of them share one process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def servers_of(apps: Sequence[tuple[FastAPI, int]]) -> list[uvicorn.Server]:
    """Make a server for each app on its port, on loopback; port 0 lets the system choose."""
    return [_Quiet(_config(app, port)) for app, port in apps]


async def serve(servers: Sequence[uvicorn.Server]) -> None:
    """Runs the servers until SIGINT or SIGTERM, then gives open requests two seconds."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _stop, servers)
    await asyncio.gather(*(server.serve() for server in servers))


def run_one(program: type[Program], arguments: Sequence[str] | None = None) -> None:
    """Run one program from the command line: `python -m simulators.<name>`."""
    parser = _parser(f"simulators.{program.name}")
    parser.add_argument("--port", type=int, default=program.port)
    given = parser.parse_args(arguments)
    uvloop.run(serve(servers_of([(program(_setup(given)).app, given.port)])))


def run_all(programs: Sequence[type[Program]], arguments: Sequence[str] | None = None) -> None:
    """Run all programs from the command line: `python -m simulators`; ports go up by one from the base, in the programs' order."""
    parser = _parser("simulators")
    parser.add_argument("--port-base", type=int, default=programs[0].port)
    given = parser.parse_args(arguments)
    offset = given.port_base - programs[0].port
    if given.messages_url is None:
        messages = next(program for program in programs if program.name == "messages")
        given.messages_url = f"http://127.0.0.1:{messages.port + offset}"
    till = next(program for program in programs if program.name == "pos")
    setup = replace(_setup(given), till_url=f"http://127.0.0.1:{till.port + offset}")
    uvloop.run(serve(servers_of([(program(setup).app, program.port + offset) for program in programs])))


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description="A stand-in that speaks HTTP.")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same failures")
    parser.add_argument("--state", type=Path, help="SQLite file, so that a restart forgets nothing (default: memory)")
    parser.add_argument("--outside-keys", type=Path, help="folder of the keys that sign calls, by party and direction")
    parser.add_argument(
        "--keys", type=Path, help="Alipay's key folder: its own pair is made there, app_public_key.pem read"
    )
    parser.add_argument("--wechat-keys", type=Path, help="WeChat Pay's key folder: its own pair is made there")
    parser.add_argument("--bank-formats", type=Path, help="folder of the described formats of banks")
    parser.add_argument("--messages-url", help="where the issuer sends one-time codes")
    return parser


def _setup(given: argparse.Namespace) -> Setup:
    return Setup(
        seed=given.seed,
        state=given.state,
        keys=given.keys,
        wechat_keys=given.wechat_keys,
        bank_formats=given.bank_formats,
        outside_keys=given.outside_keys,
        messages_url=given.messages_url,
    )


def _config(app: FastAPI, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_S
    )


def _stop(servers: Sequence[uvicorn.Server]) -> None:
    for server in servers:
        server.should_exit = True
