from kyoukai import AnswerHead

# The server makes it from the application's answer; a wire writes it.
head = AnswerHead("200 OK", (("Content-Type", "text/plain"),), size=5, has_content=True)
print(head.code, head.fields, head.closes)  # 200 (('Content-Type', 'text/plain'),) False
