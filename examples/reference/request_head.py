from kyoukai import RequestHead

# A wire sets these. The server adds path, query and environ when it accepts the head.
head = RequestHead("GET", b"/guests?page=2", fields=[(b"Host", b"example.org"), (b"Accept", b"text/html")])
print(head.accept, head.body_size, head.is_accepted)  # text/html 0 False
