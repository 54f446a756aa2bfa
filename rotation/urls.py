"""Addresses of the rotation pages."""

from django.urls import path

urlpatterns: list = []
