"""``python -m tools.paper``: see ``printer.py``."""

from tools.paper.printer import main

if __name__ == "__main__":
    main()
