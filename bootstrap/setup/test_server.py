"""The time-skipping server, with which tests let a seven-day deadline pass at once; nothing that runs cards needs it."""

import shutil
import socket
import stat
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from bootstrap.local.ports import free
from bootstrap.setup import sdk, system
from bootstrap.setup.commands import CommandFailed, Progress, run
from bootstrap.words import Problem

_VERSION = "1.38.0"
_MAVEN_SECONDS_MAX = 900.0
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>cardloop</groupId><artifactId>time-skipping</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies><dependency>
    <groupId>io.temporal</groupId><artifactId>temporal-test-server</artifactId><version>{_VERSION}</version>
  </dependency></dependencies>
</project>
"""
# A test that lets time jump starts a server of its own: these make a short run quick instead of a long one.
_OPTIONS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
_MAIN = "io.temporal.testserver.TestServer"
_WRAPPER = """#!/bin/sh
here="$(cd "$(dirname "$0")" && pwd -P)"
exec java {options} -cp "$here/lib/*" {main} "$@"
"""
_LISTENS_SECONDS_MAX, _DUMP_SECONDS_MAX = 30.0, 60.0


def program(cache: Path) -> Path:
    """Where the server's program is once it is laid out."""
    return cache / "time-skipping" / "temporal-test-server"


def lay_out(cache: Path, progress: Progress) -> None:
    """Fetch the server by the SDK, else its Java form from Maven; raises Problem when neither works."""
    target = program(cache)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        sdk.fetch(sdk.start_test_server, target.parent / "sdk", "temporal").replace(target)
    except CommandFailed:
        # No internet beyond the registries: the same server is on Maven Central as Java archives.
        _from_maven(target, progress)


def _from_maven(target: Path, progress: Progress) -> None:
    if missing := [package for name, package in _TOOLS.items() if shutil.which(name) is None]:
        system.install(missing, progress)
    (target.parent / "pom.xml").write_text(_POM)
    copy = ["mvn", "-B", "-ntp", "dependency:copy-dependencies", "-DoutputDirectory=lib"]
    try:
        run(copy, progress, timeout_s=_MAVEN_SECONDS_MAX, cwd=target.parent)
    except CommandFailed as failure:
        raise Problem(
            f"Maven 未能取得时间快进测试服务器，请检查网络或 ~/.m2/settings.xml 后重试（{failure.tail}）。",
            "Maven could not fetch the time-skipping test server: check the network or ~/.m2/settings.xml, then try "
            f"again ({failure.tail}).",
        ) from failure
    options = [*_OPTIONS]
    if lay_classes_out(target.parent.resolve()):
        options.append('-Xshare:auto -XX:SharedArchiveFile="$here/classes.jsa"')
    target.write_text(_WRAPPER.format(options=" ".join(options), main=_MAIN))
    target.chmod(target.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def lay_classes_out(folder: Path) -> bool:
    """Keep the server's classes as Java has them in memory, so that it starts in a quarter of the time; tell whether it did.

    A Java that cannot (before 13) only starts as slowly as before.
    """
    archive, port = folder / "classes.jsa", free()
    archive.unlink(missing_ok=True)
    command = ["java", *_OPTIONS, f"-XX:ArchiveClassesAtExit={archive}", "-cp", f"{folder}/lib/*", _MAIN, str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if _listens(server, port):
            server.terminate()  # Java writes the archive as it ends.
            server.wait(_DUMP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        archive.unlink(missing_ok=True)
    finally:
        server.kill()
        server.wait()
    return archive.is_file()


def _listens(server: "subprocess.Popen[bytes]", port: int) -> bool:
    deadline = time.monotonic() + _LISTENS_SECONDS_MAX
    while server.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.1)
    return False


_TOOLS = {"java": "default-jre-headless", "mvn": "maven"}
