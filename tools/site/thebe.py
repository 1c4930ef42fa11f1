"""Thebe's files beside the site: ``make thebe`` fetches them once, and the next ``make book`` puts them there.

Then "Run live" asks no host for them but the site's own. npm fetches the package, from the registry or mirror that it
is set to, and the files are taken only if they are those of the pinned version.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from tools import ROOT, unwritable

VERSION = "0.9.3"
# of the package, as npm says it: npm view thebe@0.9.3 dist.integrity
SHA512 = "Rb/7kVhtlffXra3kIe7OuIGE7awsm2/fGWxw21DiNfnWLnUQiDl9AWqYdshPwZPG/5DzLpsJRPix2xtCPtJmQQ=="
WITHOUT = "Without its files the site is complete, and 'Run live' loads them from a public copy."


def fetch(folder: Path = ROOT / "_build" / "thebe") -> Path:
    """The folder of Thebe's files, fetched when it is not there yet.

    Raises ``RuntimeError`` when the files cannot be had or are not the published ones, with what to do.
    """
    library, package = folder / "lib", folder / f"thebe-{VERSION}.tgz"
    if (library / "index.js").is_file():
        return library
    folder.mkdir(parents=True, exist_ok=True)
    npm = shutil.which("npm")
    if not npm:
        raise RuntimeError(f"npm, which fetches it, is not on this machine; install npm (or Node.js).\n{WITHOUT}")
    done = subprocess.run([npm, "pack", f"thebe@{VERSION}"], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(
            f"npm could not fetch thebe {VERSION}: {done.stderr.strip()[-600:]}\nWith a network run the same command "
            f"again; NPM_CONFIG_REGISTRY=ADDRESS names a mirror.\n{WITHOUT}"
        )
    if base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode() != SHA512:
        package.unlink()
        raise RuntimeError(f"what npm fetched is not the published thebe {VERSION}, and was removed: ask its mirror.")
    with tarfile.open(package) as archive:
        archive.extractall(folder, filter="data")
    shutil.rmtree(library, ignore_errors=True)
    (folder / "package" / "lib").rename(library)
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
