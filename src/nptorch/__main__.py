"""`python -m nptorch` is the `nptorch` command."""

from nptorch.cli import main

main(prog_name="nptorch")
