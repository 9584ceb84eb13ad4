"""How fast captcha-ssl is on this machine, beside its peers: `python -m benchmarks.performance`."""
