from kyoukai import BackendError, BackendOptionError, Kyoukai, KyoukaiComponent

try:
    KyoukaiComponent(Kyoukai("shop"), backend="reference", backend_options={"speed": 11})
except BackendOptionError as error:
    print(isinstance(error, BackendError))  # True
    print(str(error).partition("; ")[2])  # its options: none
