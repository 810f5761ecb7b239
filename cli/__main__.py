"""`python -m cli`: the command `cardloop` where it is not installed."""

from bootstrap.loading import loading

with loading():
    from cli.main import main

main()
