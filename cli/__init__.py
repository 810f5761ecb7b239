"""The command line, `python -m cli`: what an operator types, and what `make` calls."""
