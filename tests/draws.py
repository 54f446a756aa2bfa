"""How many examples a property is tried with: few in every run, and always the same; many, and new ones, in ``make faults``."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

LONG = os.environ.get("FAULTS") == "long"

# A failure found by chance belongs to whoever looks for one, not to whoever pushes next; and how long an example takes on a machine
# that others use is no property of the code.
settings.register_profile("short", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", deadline=None)
settings.load_profile("long" if LONG else "short")


def drawn(often: int, *, long: int, **options: Any) -> Callable:
    """``@drawn(20, long=300)``: so many examples in every run, and those of ``make faults``, which then runs the test too."""

    def decorate(test: Callable) -> Callable:
        return pytest.mark.deep(settings(max_examples=long if LONG else often, deadline=None, **options)(test))

    return decorate
