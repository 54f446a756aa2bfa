"""Addresses of the clients one looks after."""

from django.urls import path

from portfolio import views

app_name = "portfolio"
urlpatterns = [
    path("clients/", views.client_list, name="client_list"),
    path("clients/<int:client_id>/", views.client_page, name="client_page"),
    path("search/", views.search, name="search"),
]
