from kyoukai import BackendError
from kyoukai.core.contract.registry import create_backend

backend = create_backend("reference")
print(type(backend).__name__, "chunked" in backend.features)  # ReferenceBackend True

try:
    create_backend("httptool")
except BackendError as error:
    print(str(error).partition(";")[0])  # unknown backend 'httptool'
