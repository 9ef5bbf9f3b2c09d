from kyoukai import ConfigurationError, Kyoukai, KyoukaiComponent, KyoukaiError

# One root for what Kyoukai raises on purpose.
for settings in ({"port": "http"}, {"backend": "httptool"}):
    try:
        KyoukaiComponent(Kyoukai("shop"), **settings)  # type: ignore[arg-type]
    except KyoukaiError as error:
        print(isinstance(error, ConfigurationError))  # True
