"""A container's health check: ends with 0 when the program on 127.0.0.1:PORT answers /readyz with 200: it has what it needs."""

import sys
import urllib.request


def main(port: int) -> int:
    """Ask once; 3 seconds is an answer too late."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=3) as answer:
            return int(answer.status != 200)
    except OSError:
        return 1  # Not listening, or answered with an error status.


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
