"""Our application, as one of ASGI: for servers that take no dotted name behind the colon."""

from benchmarks.apps import kyoukai

asgi = kyoukai.asgi
