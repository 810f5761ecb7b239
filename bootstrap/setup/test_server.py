"""The time-skipping server, with which tests let a seven-day deadline pass at once; nothing that runs cards needs it."""

import shutil
import stat
from pathlib import Path

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
_WRAPPER = """#!/bin/sh
exec java -cp "$(dirname "$0")/lib/*" io.temporal.testserver.TestServer "$@"
"""


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
    target.write_text(_WRAPPER)
    target.chmod(target.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


_TOOLS = {"java": "default-jre-headless", "mvn": "maven"}
