"""Flask and Django below a prefix, as their users know them."""

import django
import django.http
import django.urls
import flask
import pytest
from asphalt.core import current_context
from django.conf import settings
from django.core.wsgi import get_wsgi_application

from kyoukai.web import HTTPRequestContext, Kyoukai

from ..serving import chunks, error_records, message

FORM = "Content-Type: application/x-www-form-urlencoded"


def flask_application():
    app = flask.Flask("old")
    app.secret_key = "secret"

    @app.route("/", methods=["GET", "POST"])
    def index():
        if flask.request.method == "POST":
            flask.session["name"] = flask.request.form["name"]
            return flask.redirect(flask.url_for("index"))
        return f"hello {flask.session.get('name')}"

    @app.route("/upload", methods=["POST"])
    def upload():
        return str(len(flask.request.files["file"].read()))

    @app.route("/stream")
    def stream():
        def pieces():
            for number in range(3):
                yield f"{number} {flask.request.path}\n"

        return flask.Response(flask.stream_with_context(pieces()), mimetype="text/plain")

    @app.route("/file")
    def file():
        return flask.send_file(__file__, conditional=True)

    @app.route("/context")
    def context():
        return str(isinstance(current_context(), HTTPRequestContext))

    @app.route("/fail")
    def fail():
        raise ValueError("secret")

    return app


def serving(serve, application):
    app = Kyoukai("app")
    app.mount("/old", application)
    return serve(app)


def test_flask(serve, caplog):
    with serving(serve, flask_application()).connect() as client:
        assert client.request(message("GET", "/old/")).body == b"hello None"
        answer = client.request(message("POST", "/old/", FORM, body=b"name=Ada"))
        assert (answer.status, answer.fields["location"]) == (302, "/old/")
        cookie = answer.fields["set-cookie"].partition(";")[0]
        assert client.request(message("GET", "/old/", f"Cookie: {cookie}")).body == b"hello Ada"
        client.send(message("POST", "/old/", FORM, "Transfer-Encoding: chunked") + chunks(b"name", b"=Bo"))
        assert client.receive().status == 302
        assert client.request(message("GET", "/old/none")).status == 404
        assert client.request(message("DELETE", "/old/")).status == 405
        assert client.request(message("GET", "/old/stream")).body == b"0 /stream\n1 /stream\n2 /stream\n"
        assert client.request(message("GET", "/old/context")).body == b"True"
        ranged = client.request(message("GET", "/old/file", "Range: bytes=3-7"))
        assert (ranged.status, ranged.body) == (206, b"Flask")
        with open(__file__, "rb") as file:
            assert client.request(message("GET", "/old/file")).body == file.read()
        part = b"--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n%b\r\n--b--\r\n"
        uploaded = message(
            "POST", "/old/upload", "Content-Type: multipart/form-data; boundary=b", body=part % bytes(600_000)
        )
        assert client.request(uploaded).body == b"600000"
        assert error_records(caplog) == []
        failed = client.request(message("GET", "/old/fail"))
        assert failed.status == 500
        assert b"secret" not in failed.body
        assert len(error_records(caplog)) == 1


def django_index(request):
    return django.http.HttpResponse(f"{django.urls.reverse('echo')} {request.path}")


def django_echo(request):
    return django.http.StreamingHttpResponse(iter([request.POST["name"].encode(), b" ", request.body]))


def django_fail(request):
    raise ValueError("secret")


urlpatterns = [
    django.urls.path("", django_index),
    django.urls.path("echo", django_echo, name="echo"),
    django.urls.path("fail", django_fail),
]


@pytest.fixture(scope="module")
def django_application():
    if not settings.configured:
        settings.configure(
            ROOT_URLCONF=__name__, ALLOWED_HOSTS=["localhost"], SECRET_KEY="secret", USE_TZ=True
        )
    return get_wsgi_application()


def test_django(serve, django_application):
    with serving(serve, django_application).connect() as client:
        assert client.request(message("GET", "/old/")).body == b"/old/echo /old/"
        assert client.request(message("POST", "/old/echo", FORM, body=b"name=Ada")).body == b"Ada name=Ada"
        client.send(
            message("POST", "/old/echo", FORM, "Transfer-Encoding: chunked") + chunks(b"name", b"=Bo")
        )
        assert client.receive().body == b"Bo name=Bo"
        assert client.request(message("GET", "/old/none")).status == 404
        failed = client.request(message("GET", "/old/fail"))
        assert failed.status == 500
        assert b"secret" not in failed.body
