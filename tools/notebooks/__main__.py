"""``python -m tools.notebooks``: see ``maker.py``."""

from tools.notebooks.maker import main

if __name__ == "__main__":
    main()
