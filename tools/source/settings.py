"""The course's settings and lists, which are YAML: ``_config.yml``, ``_toc.yml``, ``tests/coverage.yml``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same in C, where there is libyaml


def read_yaml(path: Path) -> Any:
    """What a file says."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=YamlLoader)


def listed(root: Path) -> list[str]:
    """The names of all pages but the first, in the order of the contents."""
    return [Path(page["file"]).name for part in read_yaml(root / "_toc.yml")["parts"] for page in part["chapters"]]
