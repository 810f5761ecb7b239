#!/bin/sh
# The arrangement of docker-compose.yml without Docker: Temporal's real server on PostgreSQL, of Compose's version and with
# its environment, built from the Go module proxy (4 minutes at first), and Cardloop with its two worker processes against it. Ctrl-C stops everything.
set -eu
cd "$(dirname "$0")/.."
sh bootstrap/setup/start.sh
.venv/bin/python -m cli setup
exec .venv/bin/python -m docker.without_docker "$@"
