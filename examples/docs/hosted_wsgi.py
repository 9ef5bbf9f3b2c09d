from flask import Flask

from kyoukai.wsgi import WSGIApplication

site = Flask("site")


@site.get("/")
def index() -> str:
    return "hello\n"


app = WSGIApplication(site, threads=20, max_waiting=100)
