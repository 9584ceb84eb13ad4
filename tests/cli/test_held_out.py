"""`finetune --validation` holds out what it was asked to, or says that it cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from captcha_ssl.cli.main import run
from captcha_ssl.data.writers import open_writer


@pytest.mark.parametrize(("share", "said"), [(0.01, "none would be held out"), (0.96, None)])
def test_a_share_that_rounds_to_nothing_is_refused(
    tmp_path: Path, capsys, share: float, said: str | None
):
    size = {"count": 10, "channels": 1, "height": 32, "width": 64}
    with open_writer(tmp_path / "set", "packed", **size, about={}) as writer:
        for index in range(10):
            writer.add(index, np.full((1, 32, 64), 20 * index, np.uint8), f"A{index}")
    out = tmp_path / "run"
    arguments = ["finetune", str(tmp_path / "set"), "--out", str(out), "--steps", "1", "--quiet"]
    arguments += ["--init-from", "none"]
    assert run([*arguments, "--batch-size", "2", "--validation", str(share)]) == 2
    heard = capsys.readouterr().err
    assert heard.count("\n") == 1 and (said is None or said in heard)
    assert not out.exists()
    if said:
        assert "give a share from 0.1 to 0.9" in heard
