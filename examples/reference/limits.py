from kyoukai import ConfigurationError, Limits

limits = Limits(max_body_size=1024**2, keep_alive_timeout=5)
print(limits.max_fields)  # 100

# Components, configuration files and `app.run(limits=...)` take a mapping.
try:
    Limits.from_mapping({"max_body": 1024**2})
except ConfigurationError as error:
    print(str(error)[:53])  # unknown limit 'max_body'; did you mean max_body_size?
