"""Addresses of the portfolio pages."""

from django.urls import path

urlpatterns: list = []
