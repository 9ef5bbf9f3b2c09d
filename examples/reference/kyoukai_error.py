from kyoukai import ConfigurationError, Kyoukai, KyoukaiComponent, KyoukaiError

# The common base of Kyoukai's errors.
for settings in ({"port": "http"}, {"backend": "httptool"}):
    try:
        KyoukaiComponent(Kyoukai("shop"), **settings)  # type: ignore[arg-type]
    except KyoukaiError as error:
        print(isinstance(error, ConfigurationError))  # True
