"""What `mkdocs build` needs beyond the pages: the examples as pages, and links to them.

The pages are read as files too, where `../examples/serve.py` is the right link. A site has no
files beside it: here that link leads to a page that shows the example.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
LANGUAGES = {".py": "python", ".sh": "bash", ".ipynb": "json"}


def on_files(files: Files, config: Any) -> Files:
    """Add a page for each example."""
    for example in sorted((ROOT / "examples").iterdir()):
        if example.suffix in (".py", ".sh"):
            code = example.read_text(encoding="utf-8")
            page = f"# {example.name}\n\n``````{LANGUAGES[example.suffix]}\n{code}``````\n"
            name = f"examples/{example.name}.md"
            added = File.generated(config, name, content=page)
            added.inclusion = files.get_file_from_path("README.md").inclusion.NOT_IN_NAV
            files.append(added)
        elif example.suffix == ".ipynb":
            name = f"examples/{example.name}"
            files.append(File.generated(config, name, abs_src_path=str(example)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead links to files of `examples/` to their pages."""
    return re.sub(
        r"\]\(\.\./examples/([\w.]+\.(?:py|sh))\)", r"](examples/\1.md)", markdown
    ).replace("](../examples/", "](examples/")
