"""``python -m coursegrade.contest RECIPE``: see ``entry``."""

from coursegrade.contest.entry import main

main()
