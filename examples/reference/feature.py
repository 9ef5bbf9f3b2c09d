from kyoukai import HTTP1_FEATURES, Feature

print(set(Feature) == HTTP1_FEATURES)  # True
print("early-hints" in HTTP1_FEATURES)  # True
print(f"{Feature.EARLY_HINTS}")  # early-hints
print(Feature.KEEP_ALIVE.meaning[:34])  # Several requests on one connection
