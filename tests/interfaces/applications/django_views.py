"""The endpoints by Django, of which each interface serves the same views."""

import json as jsons

import django.urls
import given
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import (
    FileResponse,
    HttpResponse,
    JsonResponse,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseRedirectBase
from django.shortcuts import redirect as shortcut
from django.views import static
from django.views.decorators.http import condition, require_http_methods
from django.views.generic import RedirectView

if not settings.configured:
    settings.configure(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["localhost", "example.com"],
        SECRET_KEY="secret",
        USE_TZ=True,
        APPEND_SLASH=False,
        MIDDLEWARE=[
            "django.middleware.common.CommonMiddleware",
            "django.middleware.http.ConditionalGetMiddleware",
        ],
    )


def text(body, **options):
    return HttpResponse(body, content_type="text/plain; charset=utf-8", **options)


@require_http_methods(["GET", "HEAD"])
def hello(request):
    return text("hello")


def html(request):
    return HttpResponse(given.HTML)


def json(request):
    return JsonResponse(given.JSON)


def empty(request):
    return HttpResponse()


def method(request):
    return text(request.method)


def echo(request):
    return HttpResponse(request.body, content_type=request.content_type or "text/x-none")


def json_in(request):
    return JsonResponse({"got": jsons.loads(request.body)})


def form(request):
    return JsonResponse(dict(request.POST.lists()))


def upload(request):
    found = [[name, *values] for name, values in request.POST.lists()]
    for name, file in request.FILES.items():
        found.append([name, file.name, file.content_type, given.summary(file.read())])
    return JsonResponse(found, safe=False)


def count(request):
    data = b""
    while piece := request.read(65536):
        data += piece
    return JsonResponse(given.summary(data))


def ignore(request):
    return text("ignored")


def large(request):
    return HttpResponse(given.LARGE)


def file(request):
    return FileResponse(given.FILE.open("rb"), content_type="text/plain")


def download(request):
    return FileResponse(given.FILE.open("rb"), as_attachment=True, filename="n\u00e4me.txt")


@condition(etag_func=lambda request: '"tag"')
def conditional(request):
    return text("with an entity tag")


def status(request, code):
    return HttpResponse(status=code)


def redirect(request, code):
    kind = type("Redirect", (HttpResponseRedirectBase,), {"status_code": code})
    return kind("/hello?a=b c")


def to_hello(request):
    return shortcut("hello")


def cookies(request):
    response = text("cookies")
    response.set_cookie("a", "1", httponly=True, samesite="Strict")
    response.set_cookie("b", "2", path="/b")
    return response


def read_cookies(request):
    return JsonResponse(request.COOKIES)


def repeated(request):
    response = text(request.headers["x-many"])
    response.headers["vary"] = "x-many"
    return response


def latin1(request):
    response = text(ascii(request.headers["x-name"]))
    response.headers["x-name"] = "caf\u00e9"
    return response


def path(request, rest):
    return text(ascii(rest))


def query(request):
    return JsonResponse([request.META["QUERY_STRING"], dict(request.GET.lists())], safe=False)


def url(request):
    return JsonResponse(
        [request.build_absolute_uri(), request.get_host(), request.scheme, request.path], safe=False
    )


def fields(request):
    return JsonResponse(dict(sorted(request.headers.items())))


def fail(request):
    raise ValueError("failed before the answer")


def refuse(request):
    raise PermissionDenied


def seen(request, name):
    return JsonResponse(given.seen.get(name), safe=False)


def streaming(pieces, kind="text/plain"):
    """Return a view that streams."""
    return lambda request: StreamingHttpResponse(pieces(), content_type=kind)


def routes(**streams):
    """Return the URLs: the streams are those of the interface."""
    route = django.urls.path
    found = [
        route("hello", hello, name="hello"), route("html", html), route("json", json), route("empty", empty),
        route("method", method), route("echo", echo), route("json-in", json_in), route("form", form),
        route("upload", upload), route("count", count), route("ignore", ignore), route("large", large),
        route("file", file), route("download", download), route("conditional", conditional),
        route("status/<int:code>", status), route("redirect/<int:code>", redirect),
        route("to-hello", to_hello), route("cookies", cookies), route("cookies/read", read_cookies),
        route("repeated", repeated), route("latin1", latin1), route("path/<path:rest>", path),
        route("query", query), route("url", url), route("fields", fields), route("slash/", hello),
        route("slash", RedirectView.as_view(url="/slash/", permanent=True, query_string=True)),
        route("fail", fail), route("refuse", refuse), route("seen/<name>", seen),
        route("static/<path:path>", static.serve, {"document_root": given.FILE.parent}),
    ]  # fmt: skip
    found += [route(name.replace("_", "-"), view) for name, view in streams.items()]
    return found
