"""Datasets as other programs write them: every format is read with its true texts, or refused."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from captcha_ssl.data.sources import Source, open_source
from captcha_ssl.errors import UserError

TEXTS = ["AB", "ü, 1", "C D", '"q"', "7"]


def image(place: int) -> np.ndarray:
    """RGB uint8 [H, W, 3] that tells its place, each of another size."""
    pixels = np.full((20 + place, 30 + 2 * place, 3), 255, np.uint8)
    pixels[4:12, 4 : 10 + place] = (10 * place, 20, 200)
    return pixels


def png(place: int) -> bytes:
    return cv2.imencode(".png", cv2.cvtColor(image(place), cv2.COLOR_RGB2BGR))[1].tobytes()


def write(folder: Path, names: Sequence[str]) -> Path:
    for place, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(place))
    return folder


NAMES = [f"images/{n}.png" for n in range(5)]


def huggingface_jsonl(folder: Path) -> Path:
    write(folder, NAMES)
    rows = [{"file_name": n, "text": t} for n, t in zip(NAMES, TEXTS, strict=True)]
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def huggingface_csv(folder: Path) -> Path:
    write(folder, NAMES)
    cells = ['"' + text.replace('"', '""') + '"' for text in TEXTS]
    rows = [f"{name},{cell}\n" for name, cell in zip(NAMES, cells, strict=True)]
    (folder / "metadata.csv").write_text("file_name,text\n" + "".join(rows))
    return folder


def doctr(folder: Path) -> Path:
    write(folder, NAMES)
    named = {Path(name).name: text for name, text in zip(NAMES, TEXTS, strict=True)}
    (folder / "labels.json").write_text(json.dumps(named))
    return folder


def paddle(folder: Path) -> Path:
    write(folder, NAMES)
    rows = [f"{name}\t{text}\n" for name, text in zip(NAMES, TEXTS, strict=True)]
    (folder / "rec_gt_train.txt").write_text("".join(rows))
    return folder


def trdg_table(folder: Path) -> Path:
    names = [f"{n}.png" for n in range(5)]
    write(folder, names)
    rows = [f"{name} {text}\n" for name, text in zip(names, TEXTS, strict=True)]
    (folder / "labels.txt").write_text("".join(rows))
    return folder


def trdg_names(folder: Path) -> Path:
    return write(folder, [f"{text}_{n}.png" for n, text in enumerate(TEXTS)])


def trdg_numbers_first(folder: Path) -> Path:
    return write(folder, [f"{n}_{text}.png" for n, text in enumerate(TEXTS)])


def tar(folder: Path, ending: str = "txt", name: str = "shard-000.tar") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / name, "w") as archive:
        for place, text in enumerate(TEXTS):
            told = text if ending == "txt" else json.dumps({"text": text})
            for member, data in (("png", png(place)), (ending, told.encode())):
                entry = tarfile.TarInfo(f"train/{place}.{member}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return folder


def tar_with_json(folder: Path) -> Path:
    return tar(folder, "json")


def parquet(folder: Path, categories: bool = False) -> Path:
    pyarrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    import pyarrow.parquet as package

    folder.mkdir(parents=True, exist_ok=True)
    images = [{"bytes": png(place), "path": None} for place in range(5)]
    texts = pyarrow.array(TEXTS)
    texts = texts.dictionary_encode() if categories else texts
    table = pyarrow.table({"image": images, "text": texts})
    package.write_table(table, folder / "train-00000-of-00001.parquet", row_group_size=2)
    return folder


def parquet_of_categories(folder: Path) -> Path:
    return parquet(folder, categories=True)


def zipped(folder: Path) -> Path:
    made = huggingface_jsonl(folder / "inner")
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        for file in sorted(made.rglob("*.*")):
            archive.write(file, f"top/{file.relative_to(made)}")
    return folder / "set.zip"


def label_studio(folder: Path) -> Path:
    write(folder, NAMES)
    places = [
        f"/data/local-files/?d=somewhere/{NAMES[0]}",
        f"/data/upload/3/1a2b3c4d-{Path(NAMES[1]).name}",
        NAMES[2],
        f"/data/local-files/?d={NAMES[3]}",
        f"http://127.0.0.1:8080/{NAMES[4]}",
    ]
    tasks = [
        {"id": n, "image": place, "transcription": [text] if n == 2 else text, "annotator": 1}
        for n, (place, text) in enumerate(zip(places, TEXTS, strict=True))
    ]
    (folder / "export.json").write_text(json.dumps(tasks))
    return folder / "export.json"


FORMATS = [
    huggingface_jsonl,
    huggingface_csv,
    doctr,
    paddle,
    trdg_table,
    trdg_names,
    trdg_numbers_first,
    tar,
    tar_with_json,
    parquet,
    parquet_of_categories,
    zipped,
    label_studio,
]


def check(source: Source, count: int = 5) -> None:
    assert len(source) == len(source.names) == count
    assert source.rejected == []
    for index in range(count):
        assert np.array_equal(source.read(index), image(index % 5))


@pytest.mark.parametrize("make", FORMATS, ids=lambda make: make.__name__)
def test_a_format_is_read_with_its_texts(make: Callable[[Path], Path], tmp_path: Path) -> None:
    source = open_source(make(tmp_path / "set"), want_labels=True)
    assert source.rejected == [] and len(source.labels or ()) == 5
    # Names come in their own order.
    assert sorted(source.labels or ()) == sorted(TEXTS)
    for index, text in enumerate(source.labels or ()):
        assert np.array_equal(source.read(index), image(TEXTS.index(text)))


@pytest.mark.parametrize("make", FORMATS, ids=lambda make: make.__name__)
def test_a_format_is_a_pile_where_no_labels_are_wanted(
    make: Callable[[Path], Path], tmp_path: Path
) -> None:
    source = open_source(make(tmp_path / "set"), want_labels=False)
    assert source.labels is None
    assert len(source) == 5 and len(set(source.names)) == 5


@pytest.mark.parametrize("make", [tar, parquet], ids=lambda make: make.__name__)
def test_shards_in_a_folder_are_one_pile(make: Callable[[Path], Path], tmp_path: Path) -> None:
    folder = make(tmp_path / "set")
    (first,) = folder.iterdir()
    (folder / f"x-{first.name}").write_bytes(first.read_bytes())
    source = open_source(folder, want_labels=True)
    assert source.labels == TEXTS * 2
    check(source, 10)
    assert len(set(source.names)) == 10


def test_folders_of_packed_shards_and_several_datasets_are_one_pile(tmp_path: Path) -> None:
    from captcha_ssl.cli.main import run

    given = ["--count", "10", "--quiet", "--style", "fast", "--seed", "1"]
    whole = tmp_path / "whole"
    assert run(["generate", str(whole), *given]) == 0
    for part in ("1", "2", "3"):
        out = str(tmp_path / "shards" / part)
        assert run(["generate", out, *given, "--shard", f"{part}/3"]) == 0
    expected = open_source(whole, want_labels=True)
    joined = open_source(tmp_path / "shards", want_labels=True)
    parts = [tmp_path / "shards" / part for part in ("1", "2", "3")]
    named = open_source(parts, want_labels=True)
    for source in (joined, named):
        assert source.labels == expected.labels and len(source) == 10
        for index in range(10):
            assert np.array_equal(source.read(index), expected.read(index))
        assert len(set(source.names)) == 10
    assert list(named.names[:2]) == ["1/00000", "1/00001"]
    mixed = open_source([whole, doctr(tmp_path / "names")], want_labels=True)
    assert mixed.labels == [*(expected.labels or ()), *TEXTS]
    assert open_source([whole]).labels == expected.labels


def test_unusable_rows_are_rejected_with_their_reason(tmp_path: Path) -> None:
    folder = huggingface_jsonl(tmp_path / "hf")
    file = folder / "metadata.jsonl"
    more = ['{"file_name": "gone.png", "text": "A"}', "[1]", '{"file_name": "images/0.png"}']
    file.write_text(file.read_text() + "\n".join(more) + "\n")
    reasons = {entry.reason for entry in open_source(folder, want_labels=True).rejected}
    assert reasons >= {"no such file", "not a JSON object"}

    folder = tmp_path / "tar"
    folder.mkdir()
    with tarfile.open(folder / "a.tar", "w") as archive:
        for name, data in (("a.png", png(0)), ("a.txt", b"A"), ("b.png", png(1)), ("c.txt", b"C")):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    source = open_source(folder, want_labels=True)
    assert source.labels == ["A"]
    assert [(entry.row, entry.reason) for entry in source.rejected] == [
        ("b.png", "no text beside it")
    ]


VALUES = {
    "number": (1234, "the label is a number, which has no leading zeros; write it in quotation"),
    "float": (12.5, "the label is a number"),
    "null": (None, "empty label"),
    "two": (["A", "B"], "its text is not one text"),
}


def values_as_doctr(folder: Path) -> Path:
    values = {f"{name}.png": value for name, (value, _) in VALUES.items() if name != "two"}
    (folder / "labels.json").write_text(json.dumps({"good.png": "A", **values}))
    return folder


def values_as_lines(folder: Path) -> Path:
    held = {"good": "A", **{name: value for name, (value, _) in VALUES.items()}}
    rows = [{"image": f"{name}.png", "text": value} for name, value in held.items()]
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "a.jsonl"


def values_in_tar(folder: Path) -> Path:
    with tarfile.open(folder / "a.tar", "w") as archive:
        for name, value in {"good": "A", **{key: held[0] for key, held in VALUES.items()}}.items():
            told = json.dumps({"text": value}).encode()
            for member, data in ((f"{name}.png", png(0)), (f"{name}.json", told)):
                entry = tarfile.TarInfo(member)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return folder / "a.tar"


@pytest.mark.parametrize("make", [values_as_doctr, values_as_lines, values_in_tar])
def test_json_that_is_no_text_is_rejected_with_what_it_is(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    write(tmp_path, ["good.png", *(f"{name}.png" for name in VALUES)])
    source = open_source(make(tmp_path), want_labels=True)
    assert source.labels == ["A"]
    assert len(source.rejected) >= len(VALUES) - 1
    for entry in source.rejected:
        (name,) = (name for name in VALUES if name in entry.row)
        assert entry.reason.startswith(VALUES[name][1])


def test_numbers_in_parquet_are_no_labels(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    import pyarrow.parquet as package

    table = pyarrow.table({"image": [{"bytes": png(0), "path": None}], "label": [7.0]})
    package.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(UserError, match="the column label holds double and no texts"):
        open_source(tmp_path, want_labels=True)
    assert open_source(tmp_path).labels is None


def test_json_without_a_field_for_the_text_says_which_there_may_be(tmp_path: Path) -> None:
    write(tmp_path, ["a.png"])
    (tmp_path / "a.jsonl").write_text('{"image": "a.png", "truth": "A", "language": "de"}\n')
    (entry,) = open_source(tmp_path / "a.jsonl", want_labels=True).rejected
    assert entry.reason == "it has none of transcription, text, label"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.tar", b"x" * 2000, "not readable as a plain tar file"),
        ("a.zip", b"PK\x03\x04nonsense", "not readable as a zip archive"),
        ("a.parquet", b"PAR1nonsense", "not readable as Parquet"),
        ("a.json", b"{", "not readable as JSON"),
        ("a.json", b'{"a.png": {"polygons": []}}', "not the labels of a recognizer"),
        ("a.json", b'[{"annotations": []}]', "export it as JSON-MIN"),
        ("a.json", b"[]", "empty"),
        ("a.jsonl", b'{"text": "A"}\n', "names no image"),
    ],
)
def test_damaged_and_foreign_files_are_one_line(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=said) as caught:
        open_source(tmp_path / name, want_labels=True)
    assert "\n" not in str(caught.value)


def test_several_lists_of_paddleocr_must_be_named(tmp_path: Path) -> None:
    folder = paddle(tmp_path / "set")
    (folder / "rec_gt_test.txt").write_text((folder / "rec_gt_train.txt").read_text())
    with pytest.raises(UserError, match="several lists"):
        open_source(folder, want_labels=True)
    assert open_source(folder / "rec_gt_test.txt", want_labels=True).labels == TEXTS


def test_an_archive_stays_where_it_is(tmp_path: Path) -> None:
    """Names that climb out are left alone, and nothing is unpacked beside the archive."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("../evil.png", png(0))
        archive.writestr("/evil.png", png(0))
        archive.writestr("good.png", png(1))
    source = open_source(tmp_path / "a.zip", want_labels=False)
    assert list(source.names) == ["good.png"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.zip"]


def test_images_beside_an_archive_are_the_pile(tmp_path: Path) -> None:
    tar(tmp_path)
    write(tmp_path, ["a.png", "b.png"])
    assert list(open_source(tmp_path, want_labels=False).names) == ["a.png", "b.png"]


def test_a_damaged_table_in_an_archive_is_one_line(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "set")
    data = bytearray(archive.read_bytes())
    place = data.index(b"file_name")
    data[place] ^= 1
    archive.write_bytes(data)
    with pytest.raises(UserError, match="set.zip: damaged or encrypted"):
        open_source(archive, want_labels=True)
