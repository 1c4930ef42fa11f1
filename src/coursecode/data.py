"""Shared by all chapters: the three data sets, and small inputs to look at.

Every file is checked against its SHA-256 before a byte of it is used; a damaged file is named.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import tempfile
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from coursecode._checks import check_int, check_tensor, shape_text
from coursecode._progress import progress_bar

__all__ = ["Dataset", "load", "moving_square", "normalise", "photo", "prepare_digit", "signal"]


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
_DIGITS = Path(__file__).resolve().parent / "digits"  # where they come from and under which licence stands there
_DIGITS_SHA256 = {  # of the unzipped file
    "train-images-idx3-ubyte": "bed3fbf6f7fc4aeb7615f7caf8e54ac8d6eae78629facbbb24315d0a68ae3ed8",
    "train-labels-idx1-ubyte": "5133b295c96a06142a696da6ce89d2e678a02c56de9f5a64f54107bb81a47cd9",
    "test-images-idx3-ubyte": "f64e4f03589db756b3dc8634efbc694f3da023291c697f0b56c1d43ea830c9a7",
    "test-labels-idx1-ubyte": "f5a8e3a8015b8d53aa8da5338769b114e6804bdb5421713f88cd7c7daf885f23",
}

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

    ``digits`` are 5,000 of MNIST's digits, which this package carries: 4,000 to train and 1,000 to test, 400 and 100
    of each class, and no network is needed. They lie in the order of the SHA-256 of their pixels, which shuffles as
    well as a random generator does; every fifth of each class is held out.

    The other two are the full sets of 60,000 + 10,000, in four IDX files, gzip or plain. Each file is taken from
    the first of these places that has it: ``folder``, ``$COURSECODE_DATA``, ``/usr/share/datasets`` (in each of
    them a sub-folder with the set's name counts too), the user's cache, and at last, with ``download``, the network.

    Raises ``ValueError`` for an unknown name or a damaged file, ``FileNotFoundError`` with every place that was
    tried for an absent one.

    >>> load("digits")
    Dataset('digits', 4,000 training and 1,000 test images, 10 classes)
    """
    if name == "digits":
        classes, files = _DIGIT_NAMES, [_own(file) for file in _DIGITS_SHA256]
    elif name in _SOURCES:
        classes = _SOURCES[name].classes
        files = [_find(name, file, folder, download) for file in _SOURCES[name].sha256]
    else:
        known = ", ".join(repr(n) for n in ("digits", *_SOURCES))
        raise ValueError(f"load: {name!r} is not a data set of this course; the sets are {known}.")
    train_x, train_y, test_x, test_y = map(_parse_idx, files)
    return Dataset(name, train_x.unsqueeze(1), train_y.long(), test_x.unsqueeze(1), test_y.long(), classes)


def _own(file: str) -> bytes:
    """The unzipped, checked content of one of the files that this package carries."""
    path = _DIGITS / f"{file}.gz"
    remedy = f"Install the course again; in a clone of it `git checkout -- {path.name}` in that folder restores it."
    return _checked(str(path), _unzip(path, remedy), _DIGITS_SHA256[file], remedy)


def _find(name: str, file: str, folder: str | os.PathLike[str] | None, download: bool) -> bytes:
    """The unzipped, checked content of one IDX file, from the first place that has it."""
    variable = os.environ.get("COURSECODE_DATA", "").strip()
    places = [("folder", folder), ("$COURSECODE_DATA", variable), ("system", _SYSTEM), ("cache", _cache())]
    tried = []
    for label, place in places:
        if not place:
            tried.append(f"{label}: not given")
            continue
        place = Path(place).expanduser()
        if place.is_file():
            tried.append(f"{label}: {place} is a file; give the folder in which it lies, {place.parent}")
            continue
        for path in (p / (file + end) for p in (place / name, place) for end in ("", ".gz")):
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
    except OSError as error:
        raise type(error)(f"load: {path} cannot be read: {error.strerror or error}. {remedy}") from error
    return _unzipped(str(path), content, remedy) if path.suffix == ".gz" else content


def _unzipped(where: str, content: bytes, remedy: str) -> bytes:
    try:
        return gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"load: {where} is truncated or altered: expected a complete gzip file, but {error}. "
            f"It was not used. {remedy}"
        ) from error


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
    """Fetch a gzip file, check its content, and only then keep it in the cache, where that can be written."""
    import pooch

    answer = io.BytesIO()
    bar = progress_bar(total=1, unit="B", unit_scale=True, desc=target.name)  # pooch puts in the real total
    try:
        pooch.HTTPDownloader(progressbar=bar or False, chunk_size=2**16, timeout=30)(url, answer, None)
    finally:
        if bar is not None:
            bar.close()
    remedy = "The server, or something on the way to it, is at fault: try again later."
    content = _checked("the answer", _unzipped("the answer", answer.getvalue(), remedy), sha256, remedy)
    try:
        _keep(target, answer.getvalue())
    except OSError as error:
        warnings.warn(
            f"load: the cache {target.parent} cannot be written ({error.strerror or error}), so the files are held in "
            "memory and fetched again next time. Make it writable, or put the files into a folder and name that in "
            "COURSECODE_DATA.",
            stacklevel=5,
        )
    return content


def _keep(target: Path, content: bytes) -> None:
    """Write the file under a temporary name, then rename it: at every moment its place holds all of it or nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".part-", suffix=".gz", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def normalise(x: Tensor, *, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Pixels 0…255 as float32 in [0, 1], less ``mean``, divided by ``std`` (both in the [0, 1] scale).

    Raises ``ValueError`` for floats that lie in [0, 1] already.

    >>> normalise(torch.tensor([0, 51, 255], dtype=torch.uint8))
    tensor([0.0000, 0.2000, 1.0000])
    """
    check_tensor("normalise", "x", x)
    if std <= 0:
        raise ValueError(f"normalise: std is {std}, but it must be positive; a constant image has none.")
    if x.is_floating_point() and x.numel() and float(x.min()) >= 0 and 0 < float(x.max()) <= 1:
        raise ValueError(
            f"normalise: x lies in {float(x.min()):g}…{float(x.max()):g} already and would be divided by 255 again; "
            "give pixels of 0…255, or compute (x - mean) / std yourself."
        )
    scaled = x.to(torch.float32) / 255
    return scaled if (mean, std) == (0.0, 1.0) else (scaled - mean) / std


Image = Any
"""A file's path, a picture of Pillow, an array or a tensor: (h, w), (h, w, 3 or 4), (1, h, w) or (3, h, w)."""

_WORKING_SIDE = 256  # pixels: a larger photo is made smaller first


def prepare_digit(image: Image) -> Tensor:
    """A photo of one handwritten digit as the nets of this course read it: uint8 (1, 1, 28, 28), 0 is background.

    ``image`` is a file, a picture of Pillow, an array or a tensor, grey or in colour, with pixels of 0…255 or floats
    of 0…1; the paper fills most of it, and nothing but the digit stands on it. Dark ink on bright paper is turned
    over; shadows, which change slowly, and the paper's grain are taken away. Then follows what MNIST's makers did:
    the box that holds the ink is scaled so that its longer side has 20 pixels, and its centre of mass is put into the
    middle of 28×28.

    Raises ``ValueError`` for what is no single image and for paper without ink, ``OSError`` for a file that is not
    there or cannot be read.

    >>> paper = torch.full((80, 60), 240, dtype=torch.uint8)
    >>> paper[10:50, 20:24] = 30
    >>> (prepare_digit(paper)[0, 0] > 127).nonzero().aminmax(dim=0).min.tolist()
    [4, 13]
    """
    ink = _ink(_small(_grey(image)).double())
    rows, columns = ((ink > 0.1).any(dim=axis).nonzero().flatten() for axis in (1, 0))
    if len(rows) == 0:
        raise ValueError(
            "prepare_digit: no ink stands out from the paper. Give a photo of one dark digit on bright paper, or the "
            "other way round, that the paper fills but for the digit."
        )
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    h, w = (max(1, math.floor(20 * side / max(ink.shape) + 0.5)) for side in ink.shape)
    ink = _area_means(h, ink.shape[0]) @ ink @ _area_means(w, ink.shape[1]).T
    ink = ink / ink.max()
    top, left = (_beginning(ink.sum(1)), _beginning(ink.sum(0)))
    digit = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    digit[0, 0, top : top + h, left : left + w] = (255 * ink).round().to(torch.uint8)
    return digit


def _grey(image: Image) -> Tensor:
    """The image in grey, (h, w) in [0, 1]; what is transparent lies on white."""
    who = "prepare_digit"
    if isinstance(image, str | os.PathLike):
        image = _opened(image)
    elif hasattr(image, "getexif"):
        image = _upright(image)
    given = type(image).__name__
    if isinstance(image, Tensor):
        image = image.detach().cpu().numpy()
    pixels = np.asarray(image)
    shape = pixels.shape
    if pixels.dtype.kind not in "uif" or not 2 <= pixels.ndim <= 4:
        raise TypeError(
            f"{who}: image must be a file, a picture, or an array of numbers (h, w) or (h, w, 3), "
            f"not {given} of {pixels.dtype} {shape_text(shape)}."
        )
    if pixels.ndim == 4 and len(pixels) == 1:
        pixels = pixels[0]
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3):
        pixels = pixels.transpose(1, 2, 0)
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4) or 0 in shape:
        raise ValueError(
            f"{who}: image has shape {shape_text(shape)}, but it must be one image: (h, w), (h, w, 3), (h, w, 4), "
            "(1, h, w) or (3, h, w). Of several give one at a time."
        )
    top = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 255 if pixels.max() > 1 else 1
    values = torch.from_numpy(pixels.astype(np.float64 if pixels.dtype == np.float64 else np.float32)) / top
    if not (values.min() >= 0 and values.max() <= 1):  # NaN is neither
        raise ValueError(f"{who}: image holds values from {pixels.min()} to {pixels.max()}; give 0…255 or 0…1.")
    if values.shape[2] == 4:
        values = values[:, :, :3] * values[:, :, 3:] + 1 - values[:, :, 3:]
    return values[:, :, 0] if values.shape[2] == 1 else values @ torch.tensor([0.299, 0.587, 0.114], dtype=values.dtype)


def _small(grey: Tensor) -> Tensor:
    shrink = max(grey.shape) / _WORKING_SIDE
    if shrink <= 1:
        return grey
    sides = [max(1, round(side / shrink)) for side in grey.shape]
    return F.interpolate(grey[None, None], sides, mode="area")[0, 0]


def _opened(path: str | os.PathLike[str]) -> Any:
    from PIL import Image as pillow
    from PIL import UnidentifiedImageError

    try:
        with pillow.open(path) as picture:
            return _upright(picture)
    except UnidentifiedImageError:
        raise ValueError(
            f"prepare_digit: {os.fspath(path)} is no picture that can be read here; save it as JPEG or PNG."
        ) from None
    except FileNotFoundError:
        raise FileNotFoundError(
            f"prepare_digit: there is no file {os.path.abspath(path)}; give the path of a photo that is there."
        ) from None
    except IsADirectoryError:
        raise IsADirectoryError(
            f"prepare_digit: {os.fspath(path)} is a folder; give one photo in it, with its name."
        ) from None
    except OSError as error:
        raise OSError(
            f"prepare_digit: {os.fspath(path)} cannot be read ({error.strerror or error}); "
            "save the photo again as JPEG or PNG, in a folder of yours."
        ) from None


def _upright(picture: Any) -> Any:
    """A picture of Pillow with the side up that the camera noted, red, green, blue and opacity."""
    from PIL import ImageOps

    return ImageOps.exif_transpose(picture).convert("RGBA")


def _ink(grey: Tensor) -> Tensor:
    """How much ink lies on each pixel, 0…1: what is narrower than a third of the image and above the grain."""
    value = grey - _light(grey)
    if (value**3).sum() < 0:  # the paper lies about 0, the ink far below it
        value = -value
    ink = value - _largest_around(-_largest_around(-value))  # less what strokes are too narrow for: shadows
    grain = 1.4826 * (ink - ink.median()).abs().median()  # the standard deviation, if it is normal
    ink = (ink - ink.median() - 5 * grain).clamp(min=0)
    return ink / ink.max() if ink.max() > 0.05 else torch.zeros_like(ink)


def _light(grey: Tensor) -> Tensor:
    """The light on the paper: a surface of the second degree through the medians of 8×8 blocks, most of them paper.

    It passes the nearer half of the blocks as closely as it can. The search starts from a level, a slanted and a bent
    surface: from the bent one alone it may end between paper and ink.
    """
    h, w = grey.shape
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, side).double() for side in (h, w)), indexing="ij")
    terms = torch.stack([torch.ones_like(x), x, y, x * x, x * y, y * y], dim=-1)
    blocks = [(i * h // 8, (i + 1) * h // 8, j * w // 8, (j + 1) * w // 8) for i in range(8) for j in range(8)]
    blocks = [(a, max(b, a + 1), c, max(d, c + 1)) for a, b, c, d in blocks]
    medians = torch.stack([grey[a:b, c:d].median() for a, b, c, d in blocks])
    means = torch.stack([terms[a:b, c:d].mean((0, 1)) for a, b, c, d in blocks])
    found = []
    for degrees in (1, 3, 6):
        surface = torch.linalg.lstsq(means[:, :degrees], medians[:, None]).solution
        if degrees == 1:
            surface[0] = medians.median()
        away = (means[:, :degrees] @ surface)[:, 0].sub(medians).abs()
        for _ in range(10):
            near = away.argsort()[: len(blocks) // 2]
            surface = torch.linalg.lstsq(means[near], medians[near, None]).solution
            away = (means @ surface)[:, 0].sub(medians).abs()
        found.append((float(away.sort().values[: len(blocks) // 2].sum()), surface[:, 0]))
    light: Tensor = terms @ min(found, key=lambda pair: pair[0])[1]
    return light


def _largest_around(grey: Tensor) -> Tensor:
    """The largest value around each pixel, up to a sixth of the image away."""
    reach = max(grey.shape) // 6
    columns = F.max_pool2d(grey[None, None], (2 * reach + 1, 1), stride=1, padding=(reach, 0))
    return F.max_pool2d(columns, (1, 2 * reach + 1), stride=1, padding=(0, reach))[0, 0]


def _area_means(count: int, length: int) -> Tensor:
    """The matrix (count, length) that replaces ``length`` pixels by ``count``, each the mean of what it covers."""
    step = length / count
    left = torch.arange(count, dtype=torch.float64)[:, None] * step
    at = torch.arange(length, dtype=torch.float64)
    return (torch.minimum(left + step, at + 1) - torch.maximum(left, at)).clamp(min=0) / step


def _beginning(mass: Tensor) -> int:
    """Where a digit begins on an axis of 28, so that its centre of mass comes into the middle, if it fits."""
    centre = float((mass * (torch.arange(len(mass)) + 0.5)).sum() / mass.sum())
    return max(0, min(28 - len(mass), math.floor(14 - centre + 0.5)))


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
