"""Hosting ASGI 3 applications on exchanges, without a Werkzeug request, an environ or a response."""
