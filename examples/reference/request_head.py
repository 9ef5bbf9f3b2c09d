from kyoukai import RequestHead

# What a wire gives; the server adds path, query and environ when it has accepted the head.
head = RequestHead("GET", b"/guests?page=2", fields=[(b"Host", b"example.org"), (b"Accept", b"text/html")])
print(head.accept, head.body_size, head.is_accepted)  # text/html 0 False
