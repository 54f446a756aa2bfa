"""The base of every Celery task that works inside one organization."""

from typing import Any

from celery import current_app
from celery.contrib.django.task import DjangoTask
from django.db import transaction


class TenantTask(DjangoTask):
    """Demands ``organization_id`` by keyword, from whoever sends and from whoever delivers.

    The body opens ``tenant_atomic(organization_id, durable=True)`` for each unit of work, never around the whole task,
    reads the state again and may find nothing to do. Arguments are ids and days only.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._require(kwargs)
        return super().__call__(*args, **kwargs)

    def apply_async(self, args: Any = None, kwargs: Any = None, *rest: Any, **options: Any) -> Any:
        self._require(kwargs)
        return super().apply_async(args, kwargs, *rest, **options)

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:
        """Send once the change is committed. The row is what counts: a broker that is away costs a sweep, not an error."""
        self._require(kwargs)
        transaction.on_commit(lambda: self.delay(*args, **kwargs), robust=True)

    def _require(self, kwargs: dict[str, Any] | None) -> None:
        if not kwargs or not isinstance(kwargs.get("organization_id"), int):
            raise TypeError(f"{self.name} needs organization_id=<int> by keyword")


def send(name: str, *ids: int, organization_id: int) -> None:
    """Send a task by its name: services name tasks, which are edges above them, without importing them."""
    current_app.send_task(name, args=list(ids), kwargs={"organization_id": organization_id})


def send_on_commit(name: str, *ids: int, organization_id: int) -> None:
    """The same once the change is committed. A broker that is away costs a sweep, not an error: the row is what counts."""
    # A function, not a partial: Django's log of a failed callback asks for its __qualname__.
    transaction.on_commit(lambda: send(name, *ids, organization_id=organization_id), robust=True)
