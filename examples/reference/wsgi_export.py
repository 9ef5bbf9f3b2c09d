from typing import Any

from werkzeug.test import create_environ, run_wsgi_app

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.wsgi import WSGIExport

app = Kyoukai("shop")


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    return "hello"


# `app.wsgi` is the same without settings.
# Gunicorn serves it by `gunicorn module:application`.
application: Any = WSGIExport(app, limits={"max_body_size": 1024})

pieces, status, headers = run_wsgi_app(application, create_environ("/"))
print(status, b"".join(pieces))  # 200 OK b'hello'
application.close()
