"""`python -m workers` is the command `pairtrawl`."""

from workers.cli import main

main()
