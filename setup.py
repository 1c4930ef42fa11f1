"""Put the scripts of the figures into a built package; a checkout has them at its top. The rest: pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class WithFigures(build_py):
    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "coursecode" / "_figures"
        target.mkdir(parents=True, exist_ok=True)
        for source in Path(__file__).parent.joinpath("figures").glob("*.js*"):
            shutil.copyfile(source, target / source.name)


setup(cmdclass={"build_py": WithFigures})
