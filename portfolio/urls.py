"""Addresses of the portfolio pages."""


urlpatterns: list = []
