"""The project: settings, addresses, tasks. Imports the apps; no app imports it."""

# Tasks declared with shared_task belong to this app in every process that imports Django's settings.
from carteira.celery import app as celery_app

__all__ = ["celery_app"]
