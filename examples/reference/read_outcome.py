from kyoukai.testing import Outcome, read_outcome

received = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
outcome: Outcome = read_outcome(received, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", [], closed=False)
print(outcome.complete, outcome.closed)  # 1 False
print(outcome.faults)  # ('200: Date is missing',)
