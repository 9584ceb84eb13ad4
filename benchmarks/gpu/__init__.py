"""Measurements on a GPU: `bash benchmarks/gpu.sh`."""
