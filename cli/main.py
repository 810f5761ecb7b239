"""The command `cardloop` (also `python -m cli`); each of its commands is a file of its own, loaded when it is called."""

import sys

from pydantic import ValidationError

from bootstrap.settings import Settings
from bootstrap.words import Problem, say
from cli.app import app


def main() -> None:
    """Run the command line; a Problem is one sentence on standard error and exit code 1, never a trace."""
    try:
        Settings()
        app()
    except Problem as problem:
        sys.exit(f"✗ {problem}")
    except ValidationError as error:
        first = error.errors()[0]
        variable = f"CARDLOOP_{first['loc'][0]}".upper() if first["loc"] else "CARDLOOP_*"
        sys.exit(
            say(f"✗ 设置 {variable} 无效：{first['msg']}", f"✗ The setting {variable} is not valid: {first['msg']}")
        )
