from kyoukai.testing import Answer, read_answers
from kyoukai.testing.answers import Asked

sent = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\nok"
reading = read_answers(sent, [Asked("GET")], ended=False)
answer: Answer = reading.answers[0]
print(answer.status, answer.get("content-length"), answer.content, answer.complete)  # 200 2 b'ok' True
print(reading.faults)  # ()
