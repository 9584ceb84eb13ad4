"""How many trainings run side by side."""

from __future__ import annotations

import pytest
import torch

from captcha_ssl.benchmark.runs import parallel

GIB = 2**30


@pytest.mark.parametrize(
    ("cores", "free", "count"),
    [(16, 79, 8), (16, 24, 3), (4, 79, 2), (16, 6, 1), (1, 79, 1), (64, 200, 8)],
)
def test_a_gpu_gets_as_many_as_its_memory_and_the_cores_allow(
    monkeypatch: pytest.MonkeyPatch, cores: int, free: int, count: int
) -> None:
    monkeypatch.setattr(parallel, "resolve_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(parallel, "available_cores", lambda: cores)
    monkeypatch.setattr(parallel, "_free_bytes", lambda device: free * GIB)
    assert parallel.process_count(0, "auto") == count
    assert parallel.process_count(5, "auto") == 5


def test_a_cpu_gets_one_a_core_up_to_eight(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, count in ((1, 1), (3, 3), (64, 8)):
        monkeypatch.setattr(parallel, "available_cores", lambda cores=cores: cores)
        assert parallel.process_count(0, "cpu") == count
