"""Set-up finds before it fetches, does each step once, and says what to do when it cannot."""

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.settings import PROJECT_ROOT
from bootstrap.setup import assets, system, test_server
from bootstrap.setup.commands import CommandFailed, run
from bootstrap.setup.steps import Stamps, Step
from bootstrap.setup.steps import run as run_steps
from bootstrap.setup.temporal_cli import Finder
from bootstrap.words import Problem

Progress = Callable[[str], None]


def _quiet(line: str) -> None:
    """Progress that is discarded."""


def _program(path: Path, says: str = "temporal version 1.5.1") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def _fails(reason: str) -> Callable[[Path, Progress], None]:
    def make(target: Path, progress: Progress) -> None:
        raise CommandFailed([reason], reason)

    return make


def _makes(mark: list[str], word: str) -> Callable[[Path, Progress], None]:
    def make(target: Path, progress: Progress) -> None:
        mark.append(word)
        _program(target)

    return make


def _finder(tmp_path: Path, environment: dict[str, str], made: list[str], download_fails: bool = False) -> Finder:
    download = _fails("no internet") if download_fails else _makes(made, "download")
    return Finder(environment, tmp_path / "cache", download, _makes(made, "build"))


def test_the_temporal_cli_is_looked_for_in_the_documented_order(tmp_path: Path) -> None:
    made: list[str] = []
    named = _program(tmp_path / "named" / "temporal")
    on_path = _program(tmp_path / "bin" / "temporal")
    cached = _program(tmp_path / "cache" / "temporal")
    path = {"PATH": str(on_path.parent)}
    assert _finder(tmp_path, {"CARDLOOP_TEMPORAL_CLI": str(named), **path}, made).find(_quiet) == named
    assert _finder(tmp_path, path, made).find(_quiet) == on_path
    assert _finder(tmp_path, {}, made).find(_quiet) == cached
    cached.unlink()
    assert _finder(tmp_path, {}, made).find(_quiet) == cached
    cached.unlink()
    assert _finder(tmp_path, {}, made, download_fails=True).find(_quiet) == cached
    assert made == ["download", "build"]


def test_a_program_of_the_same_name_that_is_not_temporal_is_passed_over(tmp_path: Path) -> None:
    other = _program(tmp_path / "bin" / "temporal", says="a calendar")
    cached = _program(tmp_path / "cache" / "temporal")
    assert _finder(tmp_path, {"PATH": str(other.parent)}, []).find(_quiet) == cached


def test_invalid_variable_is_reported_and_not_replaced(tmp_path: Path) -> None:
    _program(tmp_path / "cache" / "temporal")
    with pytest.raises(Problem, match="CARDLOOP_TEMPORAL_CLI"):
        _finder(tmp_path, {"CARDLOOP_TEMPORAL_CLI": str(tmp_path / "absent")}, []).find(_quiet)


def test_when_all_five_places_fail_one_error_names_them(tmp_path: Path) -> None:
    finder = Finder({}, tmp_path / "cache", _fails("no internet"), _fails("Go is not installed"))
    with pytest.raises(Problem) as caught:
        finder.find(_quiet)
    for word in ("CARDLOOP_TEMPORAL_CLI", "PATH", "SDK", "go install", "no internet", "Go is not installed"):
        assert word in str(caught.value)


def test_a_step_is_done_once_and_again_when_its_inputs_or_results_change(tmp_path: Path) -> None:
    done: list[str] = []
    source, result = tmp_path / "lock", tmp_path / "made"
    source.write_text("one")

    def make(progress: Progress) -> None:
        done.append(source.read_text())
        result.touch()

    stamps = Stamps(tmp_path / "stamps")
    step = Step("assets", "Assets", make, (source,), (result,))
    for change in (lambda: None, lambda: None, lambda: source.write_text("two"), result.unlink):
        change()
        list(run_steps([step], stamps))
    assert done == ["one", "two", "two"]


def test_a_failed_step_leaves_no_stamp(tmp_path: Path) -> None:
    def fail(progress: Progress) -> None:
        raise Problem("坏", "broken")

    stamps, step = Stamps(tmp_path), Step("weights", "Weights", fail)
    with pytest.raises(Problem):
        list(run_steps([step], stamps))
    assert not stamps.hold(step)


def test_a_stamp_cut_short_counts_for_nothing(tmp_path: Path) -> None:
    stamps, step = Stamps(tmp_path), Step("weights", "Weights", _quiet_step)
    list(run_steps([step], stamps))
    assert stamps.hold(step)
    (tmp_path / "weights.json").write_text('{"finger')
    assert not stamps.hold(step)


def _quiet_step(progress: Progress) -> None:
    """A step with nothing to do."""


def test_a_command_that_hangs_is_ended_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="not done after"):
        run(["sleep", "30"], _quiet, timeout_s=0.3, cwd=tmp_path)


def test_a_commands_last_lines_are_its_reason_and_its_lines_are_progress() -> None:
    lines: list[str] = []
    with pytest.raises(CommandFailed, match="no space left"):
        run(["sh", "-c", "echo fetching; echo no space left >&2; exit 3"], lines.append, timeout_s=10)
    assert lines[0] == "fetching"


def test_missing_libraries_are_named() -> None:
    assert system.missing_libraries(["libc.so.6", "libno-such-thing.so.1"]) == ["libno-such-thing.so.1"]


def test_without_install_rights_the_exact_command_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Problem, match=r"apt-get install -y libgl1 libglib2\.0-0"):
        system.install(["libgl1", "libglib2.0-0"], _quiet)


def test_only_named_icons_are_kept_and_an_unknown_one_is_reported() -> None:
    sprite = '<svg><symbol id="tabler-x" viewBox="0 0 1 1">\n<path/></symbol><symbol id="tabler-y"><g/></symbol></svg>'
    kept = assets.subset(sprite, ["x"])
    assert 'id="tabler-x"' in kept
    assert "tabler-y" not in kept
    with pytest.raises(Problem, match="unicorn"):
        assets.subset(sprite, ["unicorn"])


def test_too_old_python_is_reported_by_the_first_step(tmp_path: Path) -> None:
    script = tmp_path / "bootstrap" / "setup" / "start.sh"
    script.parent.mkdir(parents=True)
    script.write_text((PROJECT_ROOT / "bootstrap/setup/start.sh").read_text())
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("dirname", "id"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    old = tools / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    told = subprocess.run(
        ["/bin/sh", str(script)], env={"PATH": str(tools), "LC_ALL": "C"}, capture_output=True, text=True, check=False
    )
    assert not (tmp_path / ".venv").exists()
    assert (told.returncode, "Python 3.11 or newer is needed" in told.stderr) == (1, True)


_JAVA = """#!/usr/bin/env python3
import signal, socket, sys, time
from pathlib import Path
archive = next(word.partition("=")[2] for word in sys.argv if word.startswith("-XX:ArchiveClassesAtExit="))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(Path(archive).write_text("classes")))
with socket.create_server(("127.0.0.1", int(sys.argv[-1]))):
    time.sleep(60)
"""


@pytest.mark.parametrize(("java", "laid_out"), [(_JAVA, True), ("#!/bin/sh\nexit 1\n", False)])
def test_the_jumping_servers_classes_are_laid_out_where_java_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, java: str, laid_out: bool
) -> None:
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text(java)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    (tmp_path / "classes.jsa").write_text("of an older server")
    assert test_server.lay_classes_out(tmp_path) is laid_out
    assert (tmp_path / "classes.jsa").is_file() is laid_out
