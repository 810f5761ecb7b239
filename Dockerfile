# Two small images that run as an unprivileged user: `web` (api, console, codec, card worker, migrations) and `reader`
# (the OCR worker, the only one with PaddleOCR). Build one with `docker build --target web .`
# Images of others carry an exact version and a digest; docs/operations.md says how both are renewed.

# The pages' files from npm, at the versions of package-lock.json.
FROM node:22.23.3-bookworm-slim@sha256:43ac6c60b8f89723f746e8a92ce91abd5017e627ce1ddfe4238355d3a30b772c AS npm
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund --ignore-scripts

FROM python:3.11.16-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONPATH=/app PATH=/venv/bin:$PATH \
    CARDLOOP_HOME=/var/lib/cardloop CARDLOOP_HOST=0.0.0.0 CARDLOOP_DEMO=false CARDLOOP_SIMULATORS=false
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin cardloop \
    && install -d -o cardloop -g cardloop /app /photos /var/lib/cardloop
WORKDIR /app

FROM python:3.11.16-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b AS packages
RUN python -m pip install --no-cache-dir uv==0.13.9 && python -m venv /venv

FROM packages AS web-packages
COPY docker/web.lock /tmp/lock
RUN uv pip install --no-cache --python /venv/bin/python --no-deps --require-hashes -r /tmp/lock

FROM packages AS reader-packages
COPY docker/reader.lock /tmp/lock
RUN uv pip install --no-cache --python /venv/bin/python --no-deps --require-hashes -r /tmp/lock

# Copies the few files that pages use to static/vendor.
FROM base AS assets
COPY --from=web-packages /venv /venv
COPY . .
COPY --from=npm /src/node_modules ./node_modules
RUN python -c "from pathlib import Path; from bootstrap.setup.assets import copy; copy(Path('.'))" && rm -rf node_modules

FROM base AS web
# Chinese characters of statements and certificates (PDF).
RUN apt-get update && apt-get install -y --no-install-recommends fonts-wqy-zenhei && rm -rf /var/lib/apt/lists/*
COPY --from=web-packages /venv /venv
COPY --from=assets --chown=cardloop /app /app
USER cardloop
CMD ["python", "-m", "cli", "serve", "api"]

FROM base AS reader
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 && rm -rf /var/lib/apt/lists/*
COPY --from=reader-packages /venv /venv
COPY --chown=cardloop . .
USER cardloop
RUN python -c "from pathlib import Path; from ocr.weights import lay_out; lay_out(Path('/var/lib/cardloop/cache/ocr'))"
CMD ["python", "-m", "cli", "work", "reading"]
