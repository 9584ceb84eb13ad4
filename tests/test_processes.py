from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SCRIPT = """
from captcha_ssl.processes import in_processes

def large(number):
    return bytes(40_000_000)

if __name__ == "__main__":
    results = in_processes(large, range(50), processes=2, setting="workers")
    print(len(next(results)))
    results.close()
"""


def test_ending_amid_a_large_result_does_not_wait_for_the_rest_of_it(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "40000000\n", "")
