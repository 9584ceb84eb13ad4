"""Learn to read captchas and other short text images from a few labels and many plain images."""

import os

__version__ = "0.1.0"

# Nothing here talks to another machine. onnxruntime does, unless this stands in the environment
# when it is loaded: it looks up its maker's telemetry host and keeps a store of events in the
# user's cache. Set here, so that it is there whoever imports onnxruntime afterwards.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
