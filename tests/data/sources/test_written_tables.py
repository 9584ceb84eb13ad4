"""Tables as people and programs write them: a label is learned as it was meant, or not at all."""

from __future__ import annotations

from pathlib import Path
from random import Random

from captcha_ssl.data.sources import open_source
from captcha_ssl.errors import UserError
from tests.fuzz.tables import build, table, understood


def test_no_label_is_learned_other_than_as_written(tmp_path: Path):
    build(tmp_path)
    learned = 0
    for number in range(300):
        written = table(Random(f"table-{number}"))
        file = tmp_path / written.name
        file.write_bytes(written.data)
        try:
            source = open_source(file, want_labels=True)
        except UserError:
            continue
        labels = dict(zip(source.names, source.labels, strict=True))
        assert not understood(written, labels), number
        learned += len(labels)
    # Most of what was written with care must be understood.
    assert learned > 1_000
