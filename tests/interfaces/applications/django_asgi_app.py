"""The endpoints by Django's ASGI application, with asynchronous streams."""

import given
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse
from django_views import routes, streaming

settings.ROOT_URLCONF = __name__


async def asynchronous(request):
    return HttpResponse(request.body, content_type="text/plain")


urlpatterns = routes(
    stream=streaming(given.slow_pieces),
    large_stream=streaming(given.large_pieces),
    endless=streaming(given.endless_pieces),
    events=streaming(given.events, "text/event-stream"),
    fail_after=streaming(given.failing_pieces),
    asynchronous=asynchronous,
)

app = get_asgi_application()
