"""Addresses of the clients one looks after."""

from django.urls import path

from portfolio.views import clients

app_name = "portfolio"
urlpatterns = [
    path("clients/", clients.client_list, name="client_list"),
    path("clients/<int:client_id>/", clients.client_page, name="client_page"),
    path("search/", clients.search, name="search"),
]
