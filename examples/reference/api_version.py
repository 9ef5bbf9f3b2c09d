from kyoukai import API_VERSION
from kyoukai.backends.reference import ReferenceBackend

# In a backend, write the literal: `api_version = 1`.
print(ReferenceBackend.api_version == API_VERSION)  # True
