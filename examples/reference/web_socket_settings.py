from kyoukai import ConfigurationError
from kyoukai.websocket import WebSocketSettings

# As options of a route: `@app.websocket("/chat", compression=True)`.
settings = WebSocketSettings(max_message_size=1024, compression=True)
print(settings.ping_interval)  # 20

try:
    WebSocketSettings(window_bits=16)
except ConfigurationError as error:
    print(error)  # window_bits is 16; it must be 9 to 15
