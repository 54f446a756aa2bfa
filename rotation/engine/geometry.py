"""Distances on the sphere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .facts import Array

EARTH_KM = 6371.0088


def haversine_km(lat_a: Array, lon_a: Array, lat_b: Array, lon_b: Array) -> NDArray[np.float64]:
    """Great-circle distance in km between degrees, by broadcasting; NaN where a coordinate is unknown."""
    lat_a, lon_a, lat_b, lon_b = (np.radians(value) for value in (lat_a, lon_a, lat_b, lon_b))
    half = np.sin((lat_b - lat_a) / 2) ** 2 + np.cos(lat_a) * np.cos(lat_b) * np.sin((lon_b - lon_a) / 2) ** 2
    return 2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0)))
