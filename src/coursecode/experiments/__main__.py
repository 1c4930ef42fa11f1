"""``python -m coursecode.experiments``: run the experiments and store their results."""

from coursecode.experiments.runner import main

if __name__ == "__main__":
    main()
