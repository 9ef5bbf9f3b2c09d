from kyoukai.web import make_response

created = make_response(({"number": 7}, 201, {"Location": "/items/7"}))
print(created.status, created.headers["Location"], created.get_data())  # 201 CREATED /items/7 b'{"number":7}'
print(make_response(None).status)  # 204 NO CONTENT
