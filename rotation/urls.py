"""Addresses of the rotation pages."""

urlpatterns: list = []
