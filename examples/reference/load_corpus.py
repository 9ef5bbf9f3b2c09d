from kyoukai.testing import Case, Expected, load_corpus

corpus: dict[str, Case] = {case.name: case for case in load_corpus()}
case = corpus["host-missing"]
print(case.level, case.data)  # MUST b'GET / HTTP/1.1\r\nAccept: */*\r\n\r\n'
answer: Expected = case.answers[0]
print(answer.status, case.closed)  # 400 True
