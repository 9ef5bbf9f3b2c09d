from werkzeug.exceptions import HTTPException

from kyoukai import Kyoukai, answer_as_problem
from kyoukai.test_client import BlockingClient

app = Kyoukai("api")
app.errorhandler(HTTPException)(answer_as_problem)

with BlockingClient(app) as client:
    answer = client.get("/none", headers={"Accept": "text/html"})
    print(answer.get_json(force=True)["title"])  # Not Found
