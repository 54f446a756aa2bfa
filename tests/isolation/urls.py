"""Views that write and then go wrong in each way a view can, for test_requests.py."""

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from carteira.urls import urlpatterns as real
from clients.models import Client
from tests.factories import ClientFactory


def write_then_raise(request):
    ClientFactory(code="WRITTEN")
    raise PermissionDenied


def write_then_fail(request):
    ClientFactory(code="WRITTEN")
    raise RuntimeError("a bug")


def write_then_conflict(request):
    ClientFactory(code="WRITTEN")
    return JsonResponse({"code": "changed_meanwhile"}, status=409)


class WriteThenRefuse(APIView):
    permission_classes = []

    def get(self, request):
        ClientFactory(code="WRITTEN")
        raise ValidationError("no")


class WriteThenAnswer(APIView):
    permission_classes = []

    def get(self, request):
        ClientFactory(code="WRITTEN")
        return Response({"detail": "no"}, status=422)


def write(request):
    ClientFactory(code="WRITTEN")
    return HttpResponse(status=201)


def count(request):
    return HttpResponse(str(Client.objects.count()))


def stream(request):
    def lines():
        yield str(Client.objects.count())

    return StreamingHttpResponse(lines())


TRIALS = {
    "raise": write_then_raise,
    "fail": write_then_fail,
    "conflict": write_then_conflict,
    "refuse": WriteThenRefuse.as_view(),
    "answer": WriteThenAnswer.as_view(),
    "write": write,
    "count": count,
    "stream": stream,
}
urlpatterns = [*real, *(path(f"o/<slug:organization>/try/{name}/", view) for name, view in TRIALS.items())]
