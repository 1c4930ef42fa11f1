"""Data sets: the right bytes or an error that names the file, and never anything between."""

import gzip
import hashlib
import http.server
import os
import signal as signals
import socket
import subprocess
import sys
import threading
import time
import zipfile
from functools import partial
from importlib.metadata import requires
from pathlib import Path

import numpy as np
import pytest
import torch
from packaging.requirements import Requirement
from root import ROOT

from coursecode import data
from coursecode.experiments import record

FILES = tuple(data._SOURCES["mnist"].sha256)
SYSTEM = data._SYSTEM


def idx(values: np.ndarray) -> bytes:
    sizes = np.array(values.shape, dtype=">i4").tobytes()
    return bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes()


def small_set(seed: int) -> dict[str, bytes]:
    rng = np.random.default_rng(seed)
    return {
        FILES[0]: idx(rng.integers(0, 256, (6, 28, 28))),
        FILES[1]: idx(np.arange(6) % 10),
        FILES[2]: idx(rng.integers(0, 256, (3, 28, 28))),
        FILES[3]: idx(np.arange(3) % 10),
    }


CONTENT = small_set(0)
OTHER = small_set(1)


@pytest.fixture
def places(monkeypatch, tmp_path):
    """Small sets under the real names; system and cache folders of our own; no network unless a test opens one."""
    for name, content in (("mnist", CONTENT), ("fashion-mnist", OTHER)):
        sums = {file: hashlib.sha256(b).hexdigest() for file, b in content.items()}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        monkeypatch.setitem(data._SOURCES, name, data._SOURCES[name]._replace(sha256=sums, url=url))
    monkeypatch.setattr(data, "_SYSTEM", tmp_path / "system")
    monkeypatch.setattr(data, "_cache", lambda: tmp_path / "cache")
    monkeypatch.delenv("COURSECODE_DATA", raising=False)
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def put(folder: Path, content: dict[str, bytes] = CONTENT, *, zipped: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file, body in content.items():
        path = folder / (file + ".gz" if zipped else file)
        path.write_bytes(gzip.compress(body) if zipped else body)
    return folder


def check_small(got: data.Dataset) -> None:
    assert (got.train_x.shape, got.test_x.shape) == ((6, 1, 28, 28), (3, 1, 28, 28))
    assert got.train_x.dtype == torch.uint8
    assert got.train_y.dtype == torch.int64
    assert got.train_x.numpy().tobytes() == CONTENT[FILES[0]][16:]
    assert got.test_x.numpy().tobytes() == CONTENT[FILES[2]][16:]
    assert got.train_y.tolist() == [0, 1, 2, 3, 4, 5]
    assert got.test_y.tolist() == [0, 1, 2]


# The digits that the package carries


def test_digits_are_split_4000_to_1000_with_every_class_alike():
    d = data.load("digits")
    assert (d.train_x.shape, d.test_x.shape) == ((4000, 1, 28, 28), (1000, 1, 28, 28))
    assert (d.train_x.dtype, d.train_y.dtype) == (torch.uint8, torch.int64)
    assert d.train_y.bincount().tolist() == [400] * 10
    assert d.test_y.bincount().tolist() == [100] * 10
    assert d.classes == tuple("0123456789")
    images = [x.numpy().tobytes() for x in torch.cat([d.train_x, d.test_x])]
    assert len(set(images)) == 5000


def test_digits_are_the_same_on_every_machine():
    d = data.load("digits")
    parts = (d.train_x, d.train_y, d.test_x, d.test_y)
    digest = hashlib.sha256(b"".join(t.numpy().tobytes() for t in parts)).hexdigest()
    assert digest == "3cf36c3da6f3055de3731367276c496050be10311a179611ec9bf8dea4158eab"


def test_digits_come_in_a_mixed_order():
    y = data.load("digits").train_y
    assert set(y[:40].tolist()) == set(range(10))


def test_digits_need_nothing_but_numpy_and_torch():
    code = (
        "import sys; from coursecode import data; data.load('digits'); "
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'pandas', 'scipy', 'pooch', 'matplotlib'}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("[]\n", "")


def test_digits_lie_in_the_order_of_their_hashes_and_every_fifth_of_a_class_is_held_out():
    d = data.load("digits")
    x, y = torch.cat([d.train_x, d.test_x]), torch.cat([d.train_y, d.test_y])
    held = torch.arange(len(y)) >= len(d.train_y)
    order = sorted(range(len(y)), key=lambda i: hashlib.sha256(x[i].numpy().tobytes()).digest())
    assert [i for i in order if held[i]] == list(range(len(d.train_y), len(y)))
    assert [i for i in order if not held[i]] == list(range(len(d.train_y)))
    for label in range(10):
        of_class = [bool(held[i]) for i in order if y[i] == label]
        assert of_class == 100 * [False, False, False, False, True]


def test_damaged_digits_are_named_and_not_used(monkeypatch, tmp_path):
    name = "train-images-idx3-ubyte.gz"
    good = (data._DIGITS / name).read_bytes()
    monkeypatch.setattr(data, "_DIGITS", tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"{name} cannot be read.*git checkout -- {name}"):
        data.load("digits")
    (tmp_path / name).write_bytes(good[: len(good) // 2])
    with pytest.raises(ValueError, match=rf"{name} is truncated or altered: expected a complete gzip"):
        data.load("digits")
    (tmp_path / name).write_bytes(gzip.compress(gzip.decompress(good).replace(b"\xff", b"\xfe", 1), 1))
    with pytest.raises(ValueError, match=rf"{name} is truncated or altered: expected SHA-256 bed3fb"):
        data.load("digits")


def test_the_licence_lies_beside_the_digits():
    text = (data._DIGITS / "LICENSE.txt").read_text(encoding="utf-8")
    for held in ("Yann LeCun", "by-sa/3.0", "Sebastian Raschka", "New BSD License"):
        assert held in text


def test_a_learner_installs_nothing_heavier_than_torch_and_matplotlib():
    needed = {Requirement(text) for text in requires("coursecode") or []}
    assert {need.name for need in needed if need.marker is None} == {
        "torch", "numpy", "matplotlib", "pooch", "safetensors", "tqdm"
    }  # fmt: skip


@pytest.mark.slow
def test_a_built_wheel_carries_the_digits_their_licence_and_every_result(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path]
    subprocess.run([*command, ROOT], check=True)
    (wheel,) = tmp_path.glob("coursecode-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {n.removeprefix("coursecode/digits/"): archive.read(n) for n in archive.namelist() if "/digits/" in n}
        results = {n for n in archive.namelist() if n.startswith("coursecode/experiments/results/")}
    assert results >= {path.relative_to(ROOT / "src").as_posix() for path in record.RESULTS.rglob("*.json")}
    held = {name: content for name, content in held.items() if "/" not in name}  # the licence lies there once more
    assert held == {path.name: path.read_bytes() for path in data._DIGITS.iterdir()}
    assert len(held) == 5


# The full sets: where they are looked for


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("sub", ["", "mnist"])
def test_an_explicit_folder_is_read_plain_or_gzip(places, zipped, sub):
    put(places / "mine" / sub, zipped=zipped)
    check_small(data.load("mnist", folder=places / "mine", download=False))
    check_small(data.load("mnist", folder=str(places / "mine"), download=False))


def test_the_variable_the_system_and_the_cache_are_looked_at(places, monkeypatch):
    put(places / "cache" / "mnist")
    check_small(data.load("mnist", download=False))
    (places / "cache").rename(places / "system")
    check_small(data.load("mnist", download=False))
    (places / "system").rename(places / "elsewhere")
    monkeypatch.setenv("COURSECODE_DATA", str(places / "elsewhere"))
    check_small(data.load("mnist", download=False))


@pytest.mark.parametrize("first", range(4))
def test_the_earlier_place_wins(places, monkeypatch, first):
    order = [places / name for name in ("folder", "variable", "system", "cache")]
    monkeypatch.setenv("COURSECODE_DATA", str(order[1]))
    put(order[first] / "mnist")
    for later in order[first + 1 :]:  # damaged, and never opened
        put(later / "mnist", dict.fromkeys(FILES, b"damaged"))
    check_small(data.load("mnist", folder=order[0], download=False))


def test_the_files_may_lie_in_different_places(places):
    first, second = dict(list(CONTENT.items())[:2]), dict(list(CONTENT.items())[2:])
    put(places / "mine", first)
    put(places / "cache" / "mnist", second, zipped=False)
    check_small(data.load("mnist", folder=places / "mine", download=False))


def test_the_other_sets_files_of_the_same_names_are_passed_by(places):
    put(places / "mine", OTHER)
    put(places / "cache" / "mnist")
    check_small(data.load("mnist", folder=places / "mine", download=False))


def test_both_sets_can_share_one_folder(places, monkeypatch):
    put(places / "both" / "mnist")
    put(places / "both" / "fashion-mnist", OTHER)
    monkeypatch.setenv("COURSECODE_DATA", str(places / "both"))
    check_small(data.load("mnist", download=False))
    assert data.load("fashion-mnist", download=False).classes[8:] == ("bag", "ankle boot")


def test_the_variable_may_begin_at_home_and_with_blanks(places, monkeypatch):
    put(places / "home" / "sets")
    monkeypatch.setenv("HOME", str(places / "home"))
    monkeypatch.setenv("USERPROFILE", str(places / "home"))
    for value in ("~/sets", f"  {places / 'home' / 'sets'} "):
        monkeypatch.setenv("COURSECODE_DATA", value)
        check_small(data.load("mnist", download=False))
    check_small(data.load("mnist", folder="~/sets", download=False))
    monkeypatch.setenv("COURSECODE_DATA", "  ")
    with pytest.raises(FileNotFoundError, match=r"\$COURSECODE_DATA: not given"):
        data.load("mnist", download=False)


def test_a_variable_that_names_the_file_itself_is_told_to_name_its_folder(places, monkeypatch):
    path = put(places / "sets") / f"{FILES[0]}.gz"
    monkeypatch.setenv("COURSECODE_DATA", str(path))
    with pytest.raises(FileNotFoundError) as error:
        data.load("mnist", download=False)
    assert f"{path} is a file; give the folder in which it lies, {path.parent}" in str(error.value)


# The full sets: damage


def damaged(body: bytes, how: str) -> bytes:
    flipped = bytearray(body)
    flipped[len(body) // 2] ^= 1
    return {"truncated": body[: len(body) // 2], "altered": bytes(flipped), "empty": b"", "text": b"<html>404</html>"}[
        how
    ]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("how", ["truncated", "altered", "empty", "text"])
def test_a_damaged_file_is_named_and_not_used(places, file, zipped, how):
    put(places / "cache" / "mnist")  # an intact copy elsewhere does not hide the damage
    path = put(places / "mine", zipped=zipped) / (file + ".gz" if zipped else file)
    path.write_bytes(damaged(path.read_bytes(), how))
    with pytest.raises(ValueError, match=r"truncated or altered: expected .* not used\. Delete it") as error:
        data.load("mnist", folder=places / "mine", download=False)
    assert str(path) in str(error.value)


def test_an_altered_file_in_an_intact_gzip_is_found_by_its_sum(places):
    body = CONTENT[FILES[1]]
    path = put(places / "mine") / (FILES[1] + ".gz")
    path.write_bytes(gzip.compress(body[:-1] + b"\x09"))
    with pytest.raises(ValueError, match=r"expected SHA-256 .* found .* \(14 bytes\)"):
        data.load("mnist", folder=places / "mine", download=False)


def test_a_folder_in_place_of_a_file_is_named(places):
    (put(places / "mine", {}) / FILES[0]).mkdir()
    with pytest.raises(OSError, match=f"{FILES[0]} cannot be read: Is a directory"):
        data.load("mnist", folder=places / "mine", download=False)


def test_a_missing_file_lists_every_place_that_was_tried(places, monkeypatch):
    put(places / "mine", {file: CONTENT[file] for file in FILES if file != FILES[3]})
    monkeypatch.setenv("COURSECODE_DATA", str(places / "variable"))
    with pytest.raises(FileNotFoundError) as error:
        data.load("mnist", folder=places / "mine")
    text = str(error.value)
    assert f"needs the file {FILES[3]} or {FILES[3]}.gz" in text
    for place in ("mine", "variable", "system", "cache"):
        assert str(places / place) in text
    assert f"{data._SOURCES['mnist'].url}{FILES[3]}.gz: ConnectionError" in text
    assert "set COURSECODE_DATA" in text


def test_without_download_the_network_is_not_asked(places, monkeypatch):
    monkeypatch.setattr(data, "_download", lambda *args: pytest.fail("the network was asked"))
    with pytest.raises(FileNotFoundError, match="was not asked, because of download=False"):
        data.load("fashion-mnist", download=False)
    with pytest.raises(FileNotFoundError, match="apt-get install dataset-fashion-mnist"):
        data.load("fashion-mnist", download=False)


def test_an_unknown_set_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="'cifar' is not a data set of this course; the sets are 'digits', 'mnist'"):
        data.load("cifar")


# The full sets: download


class Server:
    """Answers on loopback; ``how`` decides what becomes of the second file."""

    def __init__(self, how: str) -> None:
        self.asked: list[str] = []
        self.stalled = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                file = self.path.strip("/").removesuffix(".gz")
                outer.asked.append(file)
                body = gzip.compress(CONTENT[file])
                mode = how if file == FILES[1] or how == "stall" else "good"
                if mode == "missing":
                    self.send_error(404)
                    return
                self.send_response(200)
                if mode == "wrong":
                    body = gzip.compress(OTHER[FILES[0]])
                if mode == "page":
                    body = b"<html>please log in</html>"
                if mode != "cut-unannounced":
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if mode.startswith("cut") or mode == "stall":
                    self.wfile.write(body[: len(body) // 2])
                    self.wfile.flush()
                    if mode == "stall":
                        outer.stalled.set()
                        time.sleep(60)
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))

    def __enter__(self) -> "Server":
        self.thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def use(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(data._SOURCES, "mnist", data._SOURCES["mnist"]._replace(url=server.url))


def left(places: Path) -> list[str]:
    return sorted(path.name for path in (places / "cache").rglob("*") if path.is_file())


def test_a_download_is_kept_in_the_cache_and_silent(places, monkeypatch, capfd):
    with Server("good") as server:
        use(server, monkeypatch)
        check_small(data.load("mnist"))
        check_small(data.load("mnist"))
        assert server.asked == list(FILES)
    assert left(places) == sorted(f"{file}.gz" for file in FILES)
    check_small(data.load("mnist", download=False))
    assert capfd.readouterr() == ("", "")


def test_a_watched_download_shows_a_bar_that_clears_itself(places, monkeypatch, capfd):
    monkeypatch.setattr(data, "progress_bar", partial(data.progress_bar, show=True))
    with Server("good") as server:
        use(server, monkeypatch)
        check_small(data.load("mnist"))
    out, err = capfd.readouterr()
    assert out == ""
    assert all(f"{file}.gz: " in err for file in FILES)
    assert err.endswith("\r")


@pytest.mark.parametrize("how", ["cut", "cut-unannounced", "wrong", "page", "missing"])
def test_a_bad_download_leaves_nothing_behind_and_the_next_one_heals(places, monkeypatch, how):
    with Server(how) as server:
        use(server, monkeypatch)
        with pytest.raises(FileNotFoundError) as error:
            data.load("mnist")
        text = str(error.value)
        assert f"download: {server.url}{FILES[1]}.gz" in text
        for place in ("system", "cache"):
            assert str(places / place) in text
    assert left(places) == [f"{FILES[0]}.gz"]  # the file that came whole
    with Server("good") as server:
        use(server, monkeypatch)
        check_small(data.load("mnist"))
        assert server.asked == list(FILES[1:])


@pytest.mark.slow
def test_a_download_killed_midway_is_never_loaded(places, monkeypatch):
    script = (
        "import sys; from pathlib import Path; from coursecode import data\n"
        "data._SYSTEM = Path(sys.argv[1], 'system'); data._cache = lambda: Path(sys.argv[1], 'cache')\n"
        "data._SOURCES['mnist'] = data._SOURCES['mnist']._replace(url=sys.argv[2])\n"
        "data.load('mnist')\n"
    )
    with Server("stall") as server:
        process = subprocess.Popen([sys.executable, "-c", script, str(places), server.url])
        try:
            assert server.stalled.wait(120)
            time.sleep(0.2)
        finally:
            os.kill(process.pid, signals.SIGKILL)
            process.wait()
    assert not set(left(places)) & {f + end for f in FILES for end in ("", ".gz")}
    with pytest.raises(FileNotFoundError):
        data.load("mnist", download=False)
    with Server("good") as server:
        use(server, monkeypatch)
        check_small(data.load("mnist"))


def test_where_the_cache_cannot_be_written_the_set_is_loaded_and_the_cache_named(places, monkeypatch):
    (places / "cache").write_text("a file where the folder should be")
    with Server("good") as server:
        use(server, monkeypatch)
        with pytest.warns(UserWarning, match=r"cache .* cannot be written .*in memory.* COURSECODE_DATA") as told:
            check_small(data.load("mnist"))
        assert server.asked == list(FILES)
    assert {str(places / "cache" / "mnist") in str(one.message) for one in told} == {True}
    assert {one.filename for one in told} == {__file__}


def test_a_disk_that_fills_up_leaves_no_half_file(places, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with Server("good") as server:
        use(server, monkeypatch)
        monkeypatch.setattr(data.os, "replace", full)
        with pytest.warns(UserWarning, match="No space left on device"):
            check_small(data.load("mnist"))
    assert left(places) == []


@pytest.mark.full_size
def test_the_full_fashion_mnist_is_whole(monkeypatch):
    monkeypatch.delenv("COURSECODE_DATA", raising=False)
    d = data.load("fashion-mnist", download=False)
    assert (d.train_x.shape, d.test_x.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    assert d.train_y.bincount().tolist() == [6_000] * 10
    assert d.test_y.bincount().tolist() == [1_000] * 10
    assert len(d.classes) == 10


@pytest.mark.full_size
def test_a_full_file_with_one_byte_changed_is_refused(tmp_path):
    file = FILES[3]
    body = bytearray(gzip.decompress((SYSTEM / "fashion-mnist" / f"{file}.gz").read_bytes()))
    body[-1] ^= 1
    for other in FILES[:3]:
        (tmp_path / f"{other}.gz").symlink_to(SYSTEM / "fashion-mnist" / f"{other}.gz")
    (tmp_path / file).write_bytes(body)
    with pytest.raises(ValueError, match=f"{file} is truncated or altered: expected SHA-256 0402a96d"):
        data.load("fashion-mnist", folder=tmp_path, download=False)


# Small inputs


def test_normalise_scales_to_one_and_then_by_mean_and_std():
    x = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(data.normalise(x), x.float() / 255)
    y = data.normalise(x, mean=0.5, std=0.25)
    assert y.dtype == torch.float32
    assert torch.allclose(y, (x.float() / 255 - 0.5) / 0.25)
    with pytest.raises(ValueError, match="std is 0"):
        data.normalise(x, std=0)
    with pytest.raises(TypeError, match="x must be a"):
        data.normalise([0, 1])
    with pytest.raises(ValueError, match=r"x lies in 0…1 already and would be divided by 255 again"):
        data.normalise(data.normalise(x))
    for pixels in (x.float(), torch.zeros(3), torch.tensor([0, 1], dtype=torch.uint8)):  # dark, but pixels
        assert torch.equal(data.normalise(pixels), pixels / 255)


# A digit of one's own


def seven(side: int = 120) -> torch.Tensor:
    """A bright 7 on a dark ground, floats of 0…1, off the middle."""
    image = torch.zeros(side, side)
    a, b, c = side // 10, side // 2, max(1, side // 15)
    image[a : a + c, a : a + b // 2 + c] = 1
    for i in range(b):
        image[a + i, a + b // 2 - i // 2 : a + b // 2 - i // 2 + c] = 1
    return image


def parts(digit: torch.Tensor) -> tuple[int, int, float, float]:
    """Height and width of the ink, and its centre of mass."""
    rows, columns = (digit[0, 0] > 0).nonzero().unbind(1)
    mass = digit[0, 0].double()
    at = torch.arange(28) + 0.5
    y, x = ((mass.sum(axis) * at).sum() / mass.sum() for axis in (1, 0))
    return int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1, float(y), float(x)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("side", [28, 60, 120, 900])
def test_a_digit_is_scaled_to_20_pixels_and_its_mass_centred(side, dark):
    image = 1 - seven(side) if dark else seven(side)
    digit = data.prepare_digit(image)
    assert (digit.shape, digit.dtype) == ((1, 1, 28, 28), torch.uint8)
    h, w, y, x = parts(digit)
    assert (max(h, w), digit.max()) == (20, 255)
    assert w < h
    assert abs(y - 14) <= 0.75
    assert abs(x - 14) <= 0.75


def test_the_ways_to_give_an_image_agree(tmp_path):
    from PIL import Image

    pixels = (255 * (1 - seven())).round().to(torch.uint8)
    grey, colour = pixels.numpy(), pixels[:, :, None].expand(-1, -1, 3).numpy()
    ink = np.zeros((*grey.shape, 4), np.uint8)
    ink[..., 3] = 255 - grey  # black, and as opaque as the stroke
    for name, array in (("grey.png", grey), ("colour.png", colour), ("clear.png", ink)):
        Image.fromarray(array).save(tmp_path / name)
    turned = Image.fromarray(colour).transpose(Image.Transpose.ROTATE_90)
    note = Image.Exif()
    note[0x0112] = 6  # the camera was held on its side: turn by 90° clockwise to view
    turned.save(tmp_path / "phone.png", exif=note)
    expected = data.prepare_digit(pixels)
    ways = [grey, colour, ink, pixels[None], pixels[None, None], pixels.long(), pixels / 255, pixels.double()]
    ways += [torch.from_numpy(colour).permute(2, 0, 1), Image.fromarray(grey), Image.fromarray(grey).convert("P")]
    ways += [Image.open(tmp_path / "phone.png"), *tmp_path.iterdir(), str(tmp_path / "grey.png")]
    for way in ways:
        assert (data.prepare_digit(way).int() - expected.int()).abs().max() <= 1, way


def test_shadow_and_grain_do_not_move_the_digit():
    image = 0.9 - 0.5 * seven(300)
    expected = parts(data.prepare_digit(image))
    shadow = torch.linspace(1, 0.55, 300)[:, None] * torch.linspace(0.8, 1, 300)
    grain = 0.02 * torch.randn(300, 300, generator=torch.Generator().manual_seed(0))
    found = parts(data.prepare_digit((image * shadow + grain).clamp(0, 1)))
    assert all(abs(a - b) <= 1 for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (torch.full((50, 50), 240, dtype=torch.uint8), ValueError, "no ink stands out from the paper.*Give a photo of"),
        (torch.zeros(1, 1), ValueError, "no ink"),
        (torch.zeros(3, 1, 28, 28), ValueError, "shape 3×1×28×28, but it must be one image: .*one at a time"),
        (torch.zeros(28, 28, 2), ValueError, "shape 28×28×2, but it must be one image"),
        (torch.zeros(0, 28), ValueError, "shape 0×28"),
        (torch.zeros(28), TypeError, r"image must be a file, .* not Tensor of float32 28\."),
        (torch.zeros(28, 28, dtype=torch.bool), TypeError, "of bool 28×28"),
        (torch.full((9, 9), -1.0), ValueError, r"values from -1\.0 to -1\.0; give 0…255 or 0…1"),
        (torch.full((9, 9), torch.nan), ValueError, "values from nan to nan"),
        (torch.full((9, 9), 300), ValueError, "values from 300 to 300"),
        (
            "nowhere.png",
            FileNotFoundError,
            r"^prepare_digit: there is no file .*nowhere\.png; give the path of a photo",
        ),
        (".", IsADirectoryError, r"^prepare_digit: \. is a folder; give one photo in it, with its name"),
    ],
)
def test_what_is_no_photo_of_a_digit_is_named(image, error, message):
    with pytest.raises(error, match=message):
        data.prepare_digit(image)


def test_a_file_that_is_no_picture_says_how_to_save_it(tmp_path):
    (tmp_path / "digit.heic").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"digit\.heic is no picture .*save it as JPEG or PNG"):
        data.prepare_digit(tmp_path / "digit.heic")


def test_the_photo_is_the_samples_pixels():
    from matplotlib import cbook, image

    full = image.imread(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    X = data.photo()
    assert X.dtype == torch.uint8
    assert X.shape == (3, 150, 128)
    assert X[:, 10, 20].tolist() == full[40, 80].tolist()
    assert len({tuple(p) for p in X.flatten(1).T.tolist()}) > 1000  # in colour


def test_the_square_moves_one_pixel_a_frame_and_keeps_its_size():
    video = data.moving_square(frames=20, size=16, side=4)
    assert video.shape == (20, 16, 16)
    assert video.flatten(1).sum(1).tolist() == [16.0] * 20
    assert all(torch.equal(video[t].roll(1, 1), video[t + 1]) for t in range(19))
    with pytest.raises(ValueError, match="size is 3, but it must be at least 4"):
        data.moving_square(size=3)


def test_the_signal_is_whole_numbers_with_one_step():
    s = data.signal(64)
    assert s.shape == (64,)
    assert s.dtype == torch.float32
    assert torch.equal(s, s.round())
    jumps = s.diff().abs()
    assert (jumps != 1).sum() == 1
    assert jumps[31] > 1
    assert data.signal(1).shape == (1,)
