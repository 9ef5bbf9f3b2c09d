from kyoukai import API_VERSION, Backend
from kyoukai.backends.reference import ReferenceBackend

# A backend states its version by a literal: `api_version = 1`.
print(ReferenceBackend.api_version == API_VERSION, issubclass(ReferenceBackend, Backend))  # True True
