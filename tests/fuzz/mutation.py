"""Ways to damage bytes. Each takes a generator and bytes, and returns other bytes."""

from __future__ import annotations

import io
import json
import re
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

Mutation = Callable[[Random, bytes], bytes]

_PNG = b"\x89PNG\r\n\x1a\n"
_EXTREMES = (
    b"\x00" * 4,
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"\xff\xff\xff\x7f",
    b"\xff" * 8,
    b"\x00" * 8,
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x00\xe4\x0b\x54\x02" * 2,
)
_WORDS = (
    "",
    "0",
    "-1",
    "1e308",
    "1e400",
    "nan",
    "inf",
    "-inf",
    "99999999999999999999",
    "null",
    "true",
    "[]",
    "{}",
    '""',
    "[1,[2,[3]]]",
    "'",
    '"',
    "\\",
    "\x00",
    "\u202e",
    "\ud7ff",
    "é" * 300,
    "../../../etc/passwd",
    "/etc/passwd",
    "=1+1",
    "<script>",
    "[red]",
    "%s%n",
    "A" * 5000,
    "|`",
    "\n",
    "1979-05-27",
    "0x10",
    "1_0",
    "[[a]]",
    "a.b.c = 1",
    "{a = 1}",
    "-0.0",
    "2**31",
    "\x1b[31m",
)


_VALUES: tuple[str, ...] = (
    "[" * 3000 + "]" * 3000,
    "[" * 200_000,
    '{"a":' * 3000 + "1" + "}" * 3000,
    "9" * 30,
    "9" * 5000,
    "1e999",
    "-1",
    "0",
    "1.5",
    "true",
    "false",
    "null",
    "NaN",
    "-Infinity",
    '"1"',
    '""',
    '"A"',
    r'"\ud800"',
    r'"\u0000"',
    r'"\u001b[31m"',
    '"<script>"',
    '"../../x"',
    "[]",
    "{}",
    "[1]",
    '{"a": 1}',
    '["a", null]',
    '"' + "x" * 5000 + '"',
)
"""What a field of JSON may hold instead, each as it is written there."""
_MEMBERS = (
    "../../out.png",
    "/out.png",
    "a\\b.png",
    "x" * 300 + ".png",
    "con.png",
    "é.png",
    "e\u0301.png",
    "labels.csv",
    "metadata.jsonl",
    "labels.json",
    "rec_gt.txt",
    "a/b/c/d.png",
    ".png",
    "x",
    "000000000.txt",
    "000000000.json",
    "images/00000.png",
    "__MACOSX/._x.png",
    "a\nb.png",
)
"""What a file in an archive may be called instead."""
_MARK = "the field that is damaged"


def mutate_json(rng: Random, data: bytes) -> bytes:
    """A JSON document with one field, at any depth, of another value or type, gone, or new."""
    try:
        found = json.loads(data)
    except ValueError:
        return mutate(rng, data, text=True)
    places = list(_places(found))
    holder, key = rng.choice(places) if places else ([found], 0)
    way = rng.random()
    if way < 0.15 and isinstance(holder, dict):
        del holder[key]
    elif way < 0.25 and isinstance(holder, dict):
        holder[rng.choice(("", "more", "__class__", "\ud800", "x" * 300))] = _MARK
    else:
        holder[key] = _MARK
    text = json.dumps(found if places else holder[0])
    return text.replace(json.dumps(_MARK), rng.choice(_VALUES), 1).encode()


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) below `value`."""
    if not isinstance(value, dict | list):
        return
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        yield from _places(value[key])


def mutate_lines(rng: Random, data: bytes) -> bytes:
    """One line of JSON lines damaged as `mutate_json` does."""
    lines = data.splitlines()
    at = rng.randrange(len(lines))
    return b"\n".join([*lines[:at], mutate_json(rng, lines[at]), *lines[at + 1 :]]) + b"\n"


def mutate_toml(rng: Random, data: bytes) -> bytes:
    """One value of a TOML document replaced by another, nested or endless ones among them."""
    lines = data.decode().splitlines()
    at = rng.randrange(len(lines))
    name, equals, _ = lines[at].partition("=")
    more = ("{a = {b = [1, {c = 2}]}}", "[[[1]], []]", "'a'", "[1, 'a']", ".".join("a" * 9000))
    if rng.random() < 0.1:
        lines.append(rng.choice(("[[x]]", "a.b.c = 1", ".".join("a" * 5000) + " = 1", "[a.b]")))
    lines[at] = name + equals + rng.choice(_VALUES + more)
    return "\n".join(lines).encode("utf-8", "surrogatepass") + b"\n"


def mutate_card(rng: Random, data: bytes) -> bytes:
    """A safetensors file whose metadata word is damaged as JSON; its weights stay as they are."""
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    words = header["__metadata__"]
    name = rng.choice(sorted(words))
    words[name] = mutate_json(rng, words[name].encode()).decode("utf-8", "replace")
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


def mutate_weights(rng: Random, data: bytes) -> bytes:
    """A safetensors file with values among its weights that are huge, infinite or no numbers."""
    size = 8 + int(struct.unpack("<Q", data[:8])[0])
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 10, 1000))):
        at = size + 4 * rng.randrange((len(data) - size) // 4)
        value = rng.choice((float("nan"), float("inf"), float("-inf"), 3e38, -3e38, 1e-45))
        changed[at : at + 4] = struct.pack("<f", value)
    return bytes(changed)


def mutate_network(rng: Random, data: bytes) -> bytes:
    """An ONNX file that is whole and says something else: its card, ends, nodes or weights."""
    import onnx

    model = onnx.load_from_string(data)
    way, graph = rng.randrange(6), model.graph
    if way == 0:
        entry = rng.choice(list(model.metadata_props))
        entry.value = mutate_json(rng, entry.value.encode()).decode("utf-8", "replace")
    elif way == 1:
        end = rng.choice([*graph.input, *graph.output]).type.tensor_type
        end.elem_type = rng.choice((1, 2, 3, 6, 7, 8, 9, 10, 11, 16))
    elif way == 2:
        del graph.node[rng.randrange(len(graph.node))]
    elif way == 3:
        node = rng.choice(list(graph.node))
        node.op_type = rng.choice(("Identity", "Relu", "ReduceSum", "Shape", "Loop", "NoSuchThing"))
    elif way == 4:
        tensor = rng.choice(list(graph.initializer))
        tensor.raw_data = rng.choice((b"\xff", b"\x00", b"\x7f")) * len(tensor.raw_data)
    else:
        rng.choice(list(graph.output)).name = rng.choice(("logits2", "images", ""))
    written: bytes = model.SerializeToString()
    return written


def mutate_zip(rng: Random, data: bytes) -> bytes:
    """A zip archive that is whole, with a member damaged, renamed, repeated or bloated."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    members = _members_damaged(rng, members)
    made = io.BytesIO()
    with warnings.catch_warnings():
        # Two members of one name are what this is about.
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(made, "w", rng.choice((0, 8))) as archive:
            for name, held in members:
                archive.writestr(name.replace("\0", "") or "x", held)
    return made.getvalue()


def mutate_tar(rng: Random, data: bytes) -> bytes:
    """A tar archive that is whole, with a member damaged, renamed, repeated or of another kind."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = [(m.name, archive.extractfile(m)) for m in archive.getmembers()]
        members = [(name, held.read()) for name, held in found if held is not None]
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, held in _members_damaged(rng, members):
            member = tarfile.TarInfo(name)
            member.size = len(held)
            if rng.random() < 0.05:
                member.type = rng.choice(
                    (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE)
                )
                member.size, member.linkname = 0, rng.choice(("/etc/passwd", name, "../x.png"))
            archive.addfile(member, io.BytesIO(held) if member.size else None)
    return made.getvalue()


def _members_damaged(rng: Random, members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """The files of an archive (name, content), some of them changed."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        place = rng.randrange(len(members))
        name, held = members[place]
        way = rng.randrange(5)
        if way == 0:
            members[place] = (rng.choice(_MEMBERS), held)
        elif way == 1:
            members.insert(rng.randrange(len(members) + 1), (name, rng.randbytes(20)))
        elif way == 2:
            members[place] = (name, b"\0" * 3_000_000)
        else:
            text = not name.endswith("png")
            members[place] = (name, mutate(rng, held, text=text) if held else b"x")
    return members


def mutate_png(rng: Random, data: bytes) -> bytes:
    """A PNG whose chunks are damaged, moved or made up, and all of whose checksums agree."""
    chunks, at = [], 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4])
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    for _ in range(rng.choice((1, 1, 2, 3)) if chunks else 0):
        place = rng.randrange(len(chunks))
        kind, body = chunks[place]
        way = rng.randrange(7)
        if way == 0 and kind == b"IDAT" and (pixels := _inflated(body)):
            for _ in range(rng.choice((1, 5, 50))):
                pixels[rng.randrange(len(pixels))] = rng.randrange(256)
            cut = pixels[: rng.randrange(len(pixels))] if rng.random() < 0.3 else pixels
            return png_of([(k, zlib.compress(cut) if k == kind else b) for k, b in chunks])
        if way == 1:
            kind = rng.choice(
                (b"tRNS", b"PLTE", b"gAMA", b"iCCP", b"tEXt", b"eXIf", b"acTL", b"IEND")
            )
            chunks.insert(place, (kind, rng.randbytes(rng.choice((0, 1, 3, 6, 13, 768)))))
        elif way == 2:
            del chunks[place]
            if not chunks:
                return png_of([])
        elif way == 4:
            chunks.insert(rng.randrange(len(chunks) + 1), chunks[place])
        elif way == 3 and kind == b"IHDR":
            chunks[place] = (kind, _head(rng, body))
        else:
            chunks[place] = (kind, mutate(rng, body, text=False) if body else rng.randbytes(4))
    return png_of(chunks)


def _inflated(body: bytes) -> bytearray:
    """The rows of a PNG; none of a body that was damaged before."""
    try:
        return bytearray(zlib.decompress(body))
    except zlib.error:
        return bytearray()


def _head(rng: Random, body: bytes) -> bytes:
    fields = list(struct.unpack(">IIBBBBB", body.ljust(13, b"\0")[:13]))
    at = rng.randrange(7)
    big = (0, 1, 2, 30_000, 2**31 - 1, 2**32 - 1)
    fields[at] = rng.choice(big if at < 2 else (0, 1, 2, 3, 4, 6, 7, 8, 16, 255))
    return struct.pack(">IIBBBBB", *fields)


def png_of(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG of chunks (kind, content), each with its checksum."""
    parts = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return _PNG + b"".join(parts)


def mutate_bytes(rng: Random, data: bytes) -> bytes:
    """`mutate` of bytes that are no text."""
    return mutate(rng, data, text=False)


def mutate_text(rng: Random, data: bytes) -> bytes:
    """`mutate` of text."""
    return mutate(rng, data, text=True)


def mutate(rng: Random, data: bytes, *, text: bool) -> bytes:
    """`data` after one to four damages."""
    if data.startswith(_PNG) and rng.random() < 0.5:
        return mutate_png(rng, data)
    ways = (*_BYTES, *_TEXT, *_TEXT) if text else _BYTES
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        data = rng.choice(ways)(rng, data)
    return data


def _flip(rng: Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if changed:
            changed[_place(rng, changed)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwrite(rng: Random, data: bytes) -> bytes:
    at, value = _place(rng, data), rng.choice(_EXTREMES)
    return data[:at] + value + data[at + len(value) :]


def _truncate(rng: Random, data: bytes) -> bytes:
    return data[: _place(rng, data)]


def _cut(rng: Random, data: bytes) -> bytes:
    a, b = sorted((_place(rng, data), _place(rng, data)))
    return data[:a] + data[b:]


def _repeat(rng: Random, data: bytes) -> bytes:
    a = _place(rng, data)
    part = data[a : a + rng.choice((1, 4, 16, 256, 4096))]
    return data[:a] + part * rng.choice((2, 3, 50)) + data[a:]


def _swap(rng: Random, data: bytes) -> bytes:
    a, b, c = sorted(_place(rng, data) for _ in range(3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _noise(rng: Random, data: bytes) -> bytes:
    at, size = _place(rng, data), rng.choice((1, 4, 16, 64))
    return data[:at] + rng.randbytes(size) + data[at + size :]


def _replace_number(rng: Random, data: bytes) -> bytes:
    return _replaced(rng, data, rb"-?\d+(?:\.\d+)?(?:e-?\d+)?")


def _replace_word(rng: Random, data: bytes) -> bytes:
    return _replaced(rng, data, rb"[\w./-]+")


def _replace_value(rng: Random, data: bytes) -> bytes:
    return _replaced(rng, data, rb"(?<=[=:,\t])[^=:,\t\n]+")


def _replaced(rng: Random, data: bytes, pattern: bytes) -> bytes:
    found = list(re.finditer(pattern, data))
    if not found:
        return data
    spot, word = rng.choice(found), rng.choice(_WORDS).encode("utf-8", "surrogatepass")
    return data[: spot.start()] + word + data[spot.end() :]


def _place(rng: Random, data: bytes | bytearray) -> int:
    """Anywhere, but headers twice as often."""
    span = min(len(data), 256) if rng.random() < 0.5 else len(data)
    return rng.randrange(span) if span else 0


_BYTES: tuple[Mutation, ...] = (
    _flip,
    _overwrite,
    _truncate,
    _cut,
    _repeat,
    _swap,
    _noise,
    _replace_number,
)
_TEXT: tuple[Mutation, ...] = (_replace_number, _replace_word, _replace_value)
