"""Thebe's files beside the site: ``make thebe`` fetches them once, and the next ``make book`` puts them there.

Then "Run live" asks no host for them but the site's own. They come from the registry of npm, or from the mirror that
``NPM_CONFIG_REGISTRY`` names, and are taken only if they are those of the pinned version.
"""

from __future__ import annotations

import base64
import os
import shutil
import sys
import tarfile
from pathlib import Path

import pooch

from tools import unwritable

ROOT = Path(__file__).resolve().parent.parent
VERSION = "0.9.3"
INTEGRITY = (
    "Rb/7kVhtlffXra3kIe7OuIGE7awsm2/fGWxw21DiNfnWLnUQiDl9AWqYdshPwZPG/5DzLpsJRPix2xtCPtJmQQ=="  # sha512, as npm says
)
REGISTRY = "https://registry.npmjs.org/"


def fetch(folder: Path = ROOT / "_build" / "thebe") -> Path:
    """The folder of Thebe's files, fetched when it is not there yet.

    Raises ``RuntimeError`` when the files cannot be had or are not the published ones, with what to do.
    """
    library = folder / "lib"
    if (library / "index.js").is_file():
        return library
    registry = os.environ.get("NPM_CONFIG_REGISTRY") or REGISTRY
    address = f"{registry.rstrip('/')}/thebe/-/thebe-{VERSION}.tgz"
    pooch.get_logger().setLevel("WARNING")
    try:
        package = pooch.retrieve(
            address,
            f"sha512:{base64.b64decode(INTEGRITY).hex()}",
            fname=f"thebe-{VERSION}.tgz",
            path=folder,
            progressbar=False,
        )
    except Exception as error:  # pooch passes on what its downloader raises, which is of many kinds
        raise RuntimeError(
            f"Thebe could not be fetched from {address}: {error}\n"
            "With a network run the same command again; NPM_CONFIG_REGISTRY=https://… names a mirror. Without its "
            "files the site is complete, and 'Run live' loads them from a public copy."
        ) from None
    fresh = folder / "unpacked"
    shutil.rmtree(fresh, ignore_errors=True)
    with tarfile.open(package) as archive:
        archive.extractall(fresh, filter="data")
    shutil.rmtree(library, ignore_errors=True)
    (fresh / "package" / "lib").rename(library)
    shutil.rmtree(fresh)
    return library


def main() -> None:
    try:
        print(f"Thebe {VERSION} is here: {fetch()}. The next `make book` puts it beside the site.")
    except RuntimeError as error:
        sys.exit(f"thebe: {error}")
    except OSError as error:
        sys.exit(unwritable("thebe", error))


if __name__ == "__main__":
    main()
