"""Addresses of the clients pages."""

from django.urls import path

from clients.views import imports

app_name = "clients"
urlpatterns = [
    path("imports/", imports.imports, name="imports"),
    path("imports/template/<str:kind>.xlsx", imports.template, name="import_template"),
    path("imports/<int:job>/columns/", imports.columns, name="import_columns"),
    path("jobs/<int:job>/", imports.job, name="job"),
    path("jobs/<int:job>/confirm/", imports.confirm, name="import_confirm"),
    path("jobs/<int:job>/cancel/", imports.cancel, name="import_cancel"),
    path("jobs/<int:job>/mended/", imports.mended, name="import_mended"),
    path("jobs/<int:job>/refused.csv", imports.refused, name="import_refused"),
]
