#!/bin/sh
# The first step of set-up, before there is any Python of ours: a virtual environment with the locked packages.
# Says one clear sentence and ends with 1 when the machine lacks something that it may not install itself.
set -eu
cd "$(dirname "$0")/../.."

say() { # say CHINESE ENGLISH: one of them, by the locale.
    case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in
        zh*) printf '%s\n' "$1" ;;
        *) printf '%s\n' "$2" ;;
    esac
}

fail() {
    say "✗ $1" "✗ $2" >&2
    exit 1
}

may_install() {
    command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

apt() {
    if [ "$(id -u)" = 0 ]; then prefix=''; else prefix='sudo -n'; fi
    $prefix env DEBIAN_FRONTEND=noninteractive apt-get -y -q "$@" >/dev/null
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for name in ${CARDLOOP_PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 && new_enough "$name"; then
            command -v "$name"
            return
        fi
    done
}

python=$(find_python)
if [ -z "$python" ]; then
    fail "需要 Python 3.11 或更高版本：请安装（例如 sudo apt-get install python3 python3-venv），或用 CARDLOOP_PYTHON 指定其路径。" \
         "Python 3.11 or newer is needed: install it (such as sudo apt-get install python3 python3-venv), or name it in CARDLOOP_PYTHON."
fi

if ! [ -x .venv/bin/python ] || ! new_enough .venv/bin/python; then
    say "建立虚拟环境 .venv …" "Making the virtual environment .venv …"
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        if may_install; then
            apt update && apt install --no-install-recommends python3-venv || true
        fi
        "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
            fail "这个 Python 缺少 venv：请运行 sudo apt-get update && sudo apt-get install -y python3-venv，然后重试。" \
                 "This Python has no venv: run sudo apt-get update && sudo apt-get install -y python3-venv, then try again."
    fi
    rm -rf .venv
    "$python" -m venv .venv || fail "无法建立 .venv，请检查磁盘空间与目录权限。" ".venv could not be made: check disk space and the folder's permissions."
fi

# The stamp holds the lock's checksum: a second start installs nothing.
wanted=$(sha256sum requirements.lock | cut -d ' ' -f 1)
if [ "$(cat .venv/.lock-installed 2>/dev/null || true)" != "$wanted" ]; then
    say "安装锁定的依赖（约 1 GB，首次需要几分钟）…" "Installing the locked packages (about 1 GB, minutes at first) …"
    [ -x .venv/bin/uv ] || .venv/bin/python -m pip install -q uv==0.13.9 ||
        fail "无法安装 uv：请检查网络或 pip 的软件源设置后重试。" "uv could not be installed: check the network or pip's index setting, then try again."
    .venv/bin/uv pip install --python .venv/bin/python --no-deps --require-hashes -r requirements.lock ||
        fail "依赖未能安装：请检查网络或 pip/uv 的软件源设置后重试。" "The packages could not be installed: check the network or the index setting of pip and uv, then try again."
    printf '%s\n' "$wanted" >.venv/.lock-installed
fi

# The command `cardloop`, for this folder. Built with the locked setuptools: nothing is downloaded.
if [ "$(cat .venv/.command-installed 2>/dev/null || true)" != "$PWD" ]; then
    .venv/bin/uv pip install -q --python .venv/bin/python --no-deps --no-build-isolation -e . ||
        fail "无法安装 cardloop 命令：请检查目录权限后重试。" "The command cardloop could not be installed: check the folder's permissions, then try again."
    printf '%s\n' "$PWD" >.venv/.command-installed
fi
