from kyoukai import ServerSentEvent

event = ServerSentEvent({"price": 7}, event="offer", id="12", retry=5000)
print(event.encode())  # b'event: offer\nid: 12\nretry: 5000\ndata: {"price":7}\n\n'
