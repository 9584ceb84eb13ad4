"""What captcha-ssl does on a GPU: `bash benchmarks/gpu.sh`."""
