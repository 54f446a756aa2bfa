"""Addresses of the person's own pages."""

from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("", views.organizations, name="organizations"),
]
