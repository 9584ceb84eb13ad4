# The program and its model, without root.
#
#   docker build -t captcha-ssl --build-arg TORCH_INDEX=ADDRESS .
#   docker run --rm --network none -v "$PWD/images:/images:ro" captcha-ssl predict /images
#
# ADDRESS is the package index that PyTorch's installation page names for "CPU", or for a version of
# CUDA. Without it, pip's own index decides; on Linux that build of torch brings CUDA, some gigabytes.
FROM python:3.13-slim-trixie AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY captcha_ssl captcha_ssl
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.13-slim-trixie
ARG TORCH_INDEX=
WORKDIR /install
COPY constraints.txt ./
# What opencv-python loads and slim images lack. A version here is gone from the mirrors in weeks,
# and distclean deletes the lists of packages, which the linter does not know yet.
# hadolint ignore=DL3008,DL3009
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && apt-get distclean
RUN python -m pip install --no-cache-dir -c constraints.txt \
    ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch
COPY --from=build /wheels ./
RUN python -m pip install --no-cache-dir -c constraints.txt ./*.whl \
    && useradd --create-home --home-dir /reader --uid 1000 reader
USER 1000
WORKDIR /reader
ENTRYPOINT ["captcha-ssl"]
CMD ["--help"]
