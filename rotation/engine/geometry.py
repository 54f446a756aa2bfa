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


def points(lat: Array, lon: Array) -> NDArray[np.float64]:
    """Places in degrees as points of the unit sphere, shape (3, n); NaN where a coordinate is unknown."""
    lat, lon = np.radians(lat), np.radians(lon)
    level = np.cos(lat)
    return np.stack((level * np.cos(lon), level * np.sin(lon), np.sin(lat)))


def chord_km(one: Array, other: Array) -> NDArray[np.float64]:
    """Great-circle distance in km of each of ``one`` (3, n) from each of ``other`` (3, k), shape (n, k).

    A third of the time of ``haversine_km``, which takes two sines of every pair; they agree to a millimetre.
    """
    along = np.subtract(one[0][:, None], other[0])
    chord = np.square(along, out=along)
    for axis in (1, 2):
        along = np.subtract(one[axis][:, None], other[axis])
        chord += np.square(along, out=along)
    np.sqrt(chord, out=chord)
    chord *= 0.5
    # opposite ends of the earth may round to more than its diameter
    np.arcsin(np.minimum(chord, 1.0, out=chord), out=chord)
    chord *= 2 * EARTH_KM
    return chord
