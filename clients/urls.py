"""Addresses of the clients pages."""

from django.urls import path

urlpatterns: list = []
