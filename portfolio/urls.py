"""Addresses of the clients one looks after."""

urlpatterns: list = []
