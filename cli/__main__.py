"""`python -m cli`: the command `cardloop` where it is not installed."""

from cli.main import main

main()
