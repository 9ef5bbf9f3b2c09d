"""Hosting applications of ASGI 3 on the waist: no Werkzeug request, no environ and no response is made."""
