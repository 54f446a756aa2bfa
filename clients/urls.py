"""Addresses of the clients pages."""

urlpatterns: list = []
