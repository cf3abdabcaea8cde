"""Downloads from a real web server that fails in every way, and archives that want to do harm."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import tarfile

import numpy as np
import pytest

from nptorch.errors import DataError
from nptorch.vision.datasets import MNIST
from nptorch.vision.datasets.archive import extract_gzip, extract_tar
from nptorch.vision.datasets.download import fetch
from tests.vision.files import idx, serving

CONTENT = np.random.RandomState(0).bytes(300_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def server():
    with serving(CONTENT) as served:
        yield served


def get(server, path, *more, **options):
    fetch([server.url, *more], path, **{"md5": MD5, "timeout": 0.3, "pause": 0.01, **options})


def test_a_good_server(server, tmp_path):
    get(server, tmp_path / "new" / "file.gz")
    assert (tmp_path / "new" / "file.gz").read_bytes() == CONTENT
    assert os.listdir(tmp_path / "new") == ["file.gz"]
    assert server.requests == [None]


@pytest.mark.parametrize("fault", ["503", "cut", "stall", "drop", "long", "wrong", "no range"])
def test_one_fault_is_survived(server, tmp_path, fault):
    # A wrong file is not asked for again from the same mirror unless it was pieced together, so there are two.
    server.faults = ["cut", fault] if fault == "no range" else [fault]
    get(server, tmp_path / "file.gz", server.url + "?second")
    assert (tmp_path / "file.gz").read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["file.gz"]


def test_a_broken_transfer_is_resumed(server, tmp_path):
    server.faults = ["cut", "cut"]
    get(server, tmp_path / "file.gz")
    assert (tmp_path / "file.gz").read_bytes() == CONTENT
    assert server.requests == [None, "bytes=150000-", "bytes=225000-"]


def test_the_part_of_an_earlier_run_is_resumed(server, tmp_path):
    (tmp_path / "file.gz.part").write_bytes(CONTENT[:1000])
    get(server, tmp_path / "file.gz")
    assert server.requests == ["bytes=1000-"]
    assert (tmp_path / "file.gz").read_bytes() == CONTENT


@pytest.mark.parametrize("part", [b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 5)])
def test_a_part_of_another_file_is_thrown_away(server, tmp_path, part):
    (tmp_path / "file.gz.part").write_bytes(part)
    get(server, tmp_path / "file.gz")
    assert (tmp_path / "file.gz").read_bytes() == CONTENT
    assert server.requests[-1] is None


def test_a_complete_part_needs_no_more_bytes(server, tmp_path):
    (tmp_path / "file.gz.part").write_bytes(CONTENT)
    get(server, tmp_path / "file.gz")
    assert (tmp_path / "file.gz").read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_without_a_checksum_nothing_is_resumed(server, tmp_path):
    (tmp_path / "file.gz.part").write_bytes(b"x" * 1000)
    server.faults = ["cut"]
    get(server, tmp_path / "file.gz", md5=None)
    assert (tmp_path / "file.gz").read_bytes() == CONTENT
    assert server.requests == [None, None]


def test_sha256_is_checked(server, tmp_path):
    get(server, tmp_path / "a", md5=None, sha256=hashlib.sha256(CONTENT).hexdigest())
    with pytest.raises(DataError, match="sha256"):
        get(server, tmp_path / "b", md5=None, sha256="0" * 64)


def test_the_next_mirror_is_tried(server, tmp_path):
    with serving(CONTENT) as other:
        server.faults = ["404"]
        get(server, tmp_path / "file.gz", other.url)
        assert len(server.requests) == len(other.requests) == 1
    assert (tmp_path / "file.gz").read_bytes() == CONTENT


def test_wrong_bytes_range_goes_to_the_next_mirror(server, tmp_path):
    server.faults = ["cut", "bad range"]
    get(server, tmp_path / "file.gz", server.url + "?second")
    assert (tmp_path / "file.gz").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "fault, words",
    [
        ("404", "HTTP 404"),
        ("503", "HTTP 503"),
        ("cut", r"broke off after [\d,]+ of 300,000 bytes"),
        ("stall", "no answer in time"),
        ("wrong", "its md5 is"),
        ("huge", "limit"),
        ("endless", "limit"),
    ],
)
def test_a_lasting_fault_is_one_clear_line(server, tmp_path, fault, words):
    server.faults = [fault] * 20
    with pytest.raises(DataError, match=words) as caught:
        get(server, tmp_path / "file.gz", attempts=2, max_bytes=1_000_000)
    message = str(caught.value)
    assert "\n" not in message
    assert server.url in message
    assert str(tmp_path) in message
    assert "by hand" in message
    assert not (tmp_path / "file.gz").exists()
    assert len(server.requests) == (1 if fault in ("404", "wrong", "huge", "endless") else 2)


def test_nobody_there_names_every_mirror_and_does_not_wait(tmp_path):
    with serving(b"") as gone:
        pass
    urls = [gone.url, "http://nptorch.invalid/file.gz"]
    with pytest.raises(DataError) as caught:
        fetch(urls, tmp_path / "file.gz", md5=MD5, timeout=5, pause=100)
    assert all(url in str(caught.value) for url in urls)


def test_a_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot write"):
        get(server, tmp_path / "file" / "file.gz")


# --- a data set's download ---


@pytest.fixture
def published(monkeypatch):
    """MNIST's four files, each with a server of its own."""
    with serving(b"") as images, serving(b"") as labels:
        images.content = gzip.compress(idx(np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)))
        labels.content = gzip.compress(idx(np.array([3, 4], np.uint8)))
        resources = []
        for name, _ in MNIST.resources:
            content = images.content if "images" in name else labels.content
            resources.append((name, hashlib.md5(content).hexdigest()))
        monkeypatch.setattr(MNIST, "resources", resources)
        servers = {"images": images, "labels": labels}
        real = fetch

        def redirected(urls, path, **options):
            served = servers["images" if "images" in os.path.basename(path) else "labels"]
            real([served.url for _ in urls], path, **options)

        monkeypatch.setattr("nptorch.vision.datasets.mnist.fetch", redirected)
        yield servers


def test_mnist_is_downloaded_once(published, tmp_path):
    data = MNIST(tmp_path, download=True)
    assert data.targets.tolist() == [3, 4]
    assert data.data.shape == (2, 28, 28)
    assert (tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").exists()
    assert len(published["images"].requests) == len(published["labels"].requests) == 2
    MNIST(tmp_path, train=False, download=True)
    assert len(published["images"].requests) == len(published["labels"].requests) == 2
    (tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    (tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte.gz").unlink()
    MNIST(tmp_path, download=True)
    assert len(published["images"].requests) == 2
    assert len(published["labels"].requests) == 3


# --- archives ---


def tar_of(path, *members):
    """A tar.gz of (TarInfo or name, content) pairs."""
    with tarfile.open(path, "w:gz") as tar:
        for member, content in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def link(kind, name="link", target="/etc/passwd"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_tar_is_unpacked_over_what_is_there(tmp_path):
    folder = tmp_path / "out"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "old").write_text("stays")
    (folder / "a" / "new").write_text("goes")
    extract_tar(tar_of(tmp_path / "x.tar.gz", ("a/new", b"1"), ("b/c/d", b"2"), ("e", b"3")), folder)
    assert (folder / "a" / "old").read_text() == "stays"
    assert (folder / "a" / "new").read_text() == "1"
    assert (folder / "b" / "c" / "d").read_text() == "2"
    assert sorted(os.listdir(folder)) == ["a", "b", "e"]


@pytest.mark.parametrize(
    "member, words",
    [
        (("../evil", b"1"), "outside"),
        (("/tmp/evil", b"1"), "outside"),
        (("a/../../evil", b"1"), "outside"),
        (("a\\..\\evil", b"1"), "outside"),
        (("C:evil", b"1"), "outside"),
        ((link(tarfile.SYMTYPE), b""), "link or a device"),
        ((link(tarfile.LNKTYPE), b""), "link or a device"),
        ((link(tarfile.CHRTYPE), b""), "link or a device"),
        ((link(tarfile.FIFOTYPE), b""), "link or a device"),
        (("big", b"0" * 2000), "limit"),
    ],
)
def test_tar_that_wants_to_do_harm(tmp_path, member, words):
    folder = tmp_path / "deep" / "out"
    with pytest.raises(DataError, match=words):
        extract_tar(tar_of(tmp_path / "x.tar.gz", ("fine", b"1"), member), folder, max_bytes=1000)
    assert os.listdir(folder) == []
    assert sorted(os.listdir(tmp_path)) == ["deep", "x.tar.gz"]


def test_damaged_archives(tmp_path):
    whole = gzip.compress(CONTENT)
    for name, content in (("cut", whole[:1000]), ("text", b"no archive"), ("bad", whole[:-8] + b"01234567")):
        (tmp_path / name).write_bytes(content)
        for extract, target in ((extract_gzip, tmp_path / "out"), (extract_tar, tmp_path / "folder")):
            with pytest.raises(DataError, match=re.escape(str(tmp_path / name)) + ".*download=True"):
                extract(tmp_path / name, target)
    assert sorted(os.listdir(tmp_path)) == ["bad", "cut", "folder", "text"]
    assert os.listdir(tmp_path / "folder") == []


def test_gzip_bomb(tmp_path):
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(10_000_000)))
    with pytest.raises(DataError, match="limit"):
        extract_gzip(tmp_path / "bomb.gz", tmp_path / "out", max_bytes=1_000_000)
    assert os.listdir(tmp_path) == ["bomb.gz"]
