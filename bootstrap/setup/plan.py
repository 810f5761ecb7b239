"""Which steps this machine's set-up has, in order: those that running needs, then those that only tests need."""

from collections.abc import Callable
from pathlib import Path

from bootstrap.card_reader import SIZES, models_of
from bootstrap.settings import PROJECT_ROOT, Settings
from bootstrap.setup import assets, system, temporal_cli
from bootstrap.setup.commands import Progress
from bootstrap.setup.steps import Stamps, Step
from bootstrap.words import Problem, say

_HERE = Path(__file__).parent


def stamps(settings: Settings) -> Stamps:
    """Return the stamps of this project's cache."""
    return Stamps(settings.cache_dir / "stamps")


def to_run(settings: Settings) -> list[Step]:
    """List the steps after which `make up` has everything."""
    steps = [_libraries(), _assets(), _weights(settings)]
    return [*steps, _temporal(settings)] if settings.embedded_temporal else steps


def to_test(settings: Settings) -> list[Step]:
    """List the steps after which `make test` has everything."""
    steps = {step.name: step for step in (*to_run(settings), _temporal(settings))}
    return [*steps.values(), _time_skipping(settings), _browser(settings)]


def _libraries() -> Step:
    return Step(
        "libraries",
        say("检查图像所需的系统库", "System libraries for pictures"),
        system.lay_reader_libraries,
        (_HERE / "system.py",),
    )


def _assets() -> Step:
    return Step(
        "assets",
        say("准备网页文件", "Files of the web pages"),
        lambda progress: assets.lay_out(PROJECT_ROOT, progress),
        (PROJECT_ROOT / "package.json", PROJECT_ROOT / "package-lock.json", _HERE / "assets.py"),
        (
            *(folder / "icons.svg" for folder in assets.destinations(PROJECT_ROOT)),
            assets.api_destination(PROJECT_ROOT) / "swagger-ui.css",
            PROJECT_ROOT / "node_modules/axe-core/axe.min.js",  # What the tests of pages take from there.
        ),
    )


def _weights(settings: Settings) -> Step:
    folder = settings.ocr_models_dir
    return Step(
        "weights",
        say("准备卡面识别模型", "Weights of the card reader"),
        lambda progress: _lay_weights(settings),
        (PROJECT_ROOT / "ocr" / "weights.py", f"{folder} {settings.reader_engine} {settings.reader_weights}"),
        (folder,),
    )


def _lay_weights(settings: Settings) -> None:
    from ocr.weights import (
        WeightsMissing,
        lay_out,
    )  # Loads onnxruntime, which a set-up whose stamps hold must not wait for.

    settings.ocr_models_dir.mkdir(parents=True, exist_ok=True)
    if settings.reader_engine in SIZES:
        try:
            lay_out(settings.ocr_models_dir, models_of(settings.reader_engine), settings.reader_weights)
        except WeightsMissing as missing:
            raise Problem(f"找不到卡面识别模型：{missing}。", f"No weights of the card reader: {missing}.") from missing


def _temporal(settings: Settings) -> Step:
    record = temporal_record(settings)
    return Step(
        "temporal",
        say("寻找或构建 Temporal", "Temporal's command line (built once when there is none: about 3 minutes)"),
        _writes(record, lambda progress: temporal_cli.finder(settings.cache_dir).find(progress)),
        (_HERE / "temporal_cli.py", str(settings.temporal_cli)),
        (record, *_recorded(record)),
    )


def _time_skipping(settings: Settings) -> Step:
    def lay_out(progress: Progress) -> None:
        from bootstrap.setup import test_server

        test_server.lay_out(settings.cache_dir, progress)

    made = settings.cache_dir / "time-skipping" / "temporal-test-server"
    title = say("准备测试用的时间快进服务器", "Time-skipping server for tests")
    return Step("time-skipping", title, lay_out, (_HERE / "test_server.py",), (made,))


def _browser(settings: Settings) -> Step:
    def lay_out(progress: Progress) -> None:
        from bootstrap.setup import browser  # Loads Playwright, which only tests have a use for.

        browser.lay_out(browser_record(settings), progress)

    record = browser_record(settings)
    title = say("准备测试用的浏览器", "Browser for tests")
    return Step("browser", title, lay_out, (_HERE / "browser.py",), (record, *_recorded(record)))


def temporal_record(settings: Settings) -> Path:
    """Return the path of the file that names the Temporal CLI which set-up found."""
    return settings.cache_dir / "temporal.path"


def browser_record(settings: Settings) -> Path:
    """Return the path of the file that names the browser which set-up found."""
    return settings.cache_dir / "browser.path"


def _recorded(record: Path) -> tuple[Path, ...]:
    """What an earlier set-up found must still be there: a removed program is looked for again."""
    return (Path(record.read_text().strip()),) if record.is_file() else ()


def _writes(record: Path, find: Callable[[Progress], Path]) -> Callable[[Progress], None]:
    def do(progress: Progress) -> None:
        found = find(progress)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(str(found))

    return do
