"""``python -m tools.site``: see ``builder.py``."""

from tools.site.builder import main

if __name__ == "__main__":
    main()
