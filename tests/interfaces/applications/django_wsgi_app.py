"""The endpoints by Django's WSGI application, with synchronous streams."""

import given
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django_views import routes, streaming

settings.ROOT_URLCONF = __name__

urlpatterns = routes(
    stream=streaming(given.pieces),
    large_stream=streaming(given.large_blocks),
    endless=streaming(given.endless_blocks),
    events=streaming(given.event_blocks, "text/event-stream"),
    fail_after=streaming(given.failing_blocks),
)

app = get_wsgi_application()
