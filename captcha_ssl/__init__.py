"""Learn to read captchas and other short text images from a few labels and many unlabeled images.

`captcha_ssl.pretrain`, `adapt`, `finetune` and `Reader` are imported when they are first used, so
that `import captcha_ssl` costs nothing.
"""

from __future__ import annotations

# The program starts here: until it answers signals, nothing may be loaded that takes time.
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from captcha_ssl.api import Reader as Reader
    from captcha_ssl.api import adapt as adapt
    from captcha_ssl.api import finetune as finetune
    from captcha_ssl.api import pretrain as pretrain
    from captcha_ssl.errors import UserError as UserError

__all__ = ["Reader", "UserError", "__version__", "adapt", "finetune", "pretrain"]
__version__ = "0.2.0"

# captcha-ssl never contacts another machine. Without this variable onnxruntime does: it looks up
# its vendor's telemetry host and stores events in the user's cache. The variable must be set before
# anything imports onnxruntime.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'captcha_ssl' has no attribute {name!r}")
    from captcha_ssl import api, errors

    return getattr(errors if name == "UserError" else api, name)
