"""Addresses of the accounts pages."""

from django.urls import path

urlpatterns: list = []
