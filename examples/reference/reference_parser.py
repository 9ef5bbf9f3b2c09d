from kyoukai.backends.reference import RequestParser


class Printer:
    """The callbacks of a parser, in the order of the wire."""

    def on_message_begin(self) -> None:
        pass

    def on_url(self, url: bytes) -> None:
        print("target", url)  # target b'/guests'

    def on_header(self, name: bytes, value: bytes) -> None:
        print("field", name, value.strip())  # field b'Host' b'example.org'

    def on_headers_complete(self) -> None:
        print(parser.get_method(), parser.get_http_version())  # b'GET' 1.1

    def on_body(self, body: bytes) -> None:
        raise NotImplementedError

    def on_message_complete(self) -> None:
        print("whole", parser.should_keep_alive())  # whole True


parser = RequestParser(Printer())
# The network cuts where it likes.
parser.feed_data(b"GET /guests HTTP/1.1\r\nHo")
parser.feed_data(b"st: example.org\r\n\r\n")
