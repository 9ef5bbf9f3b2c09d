"""What a guest writes into the form, and what is wrong with it."""

import re
import secrets
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

MAX_NAME = 60
MAX_MESSAGE = 2000

# What has no business in a text: control characters, but for tabs and line breaks.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass
class Form:
    """The form as it is shown: what was written, and by the names of the fields what is wrong.

    What is wrong with it as a whole is under ``form``.
    """

    name: str = ""
    message: str = ""
    errors: dict[str, str] = field(default_factory=dict)


def read_form(values: Mapping[str, str]) -> Form:
    """Return what was written, and what is wrong with it."""
    name = " ".join(CONTROL.sub(" ", values.get("name", "")).split())
    # A browser sends each line break as CR LF, and counts it as one character.
    message = CONTROL.sub("", values.get("message", "").replace("\r\n", "\n")).strip()
    form = Form(name, message)
    for what, text, limit in (("name", name, MAX_NAME), ("message", message, MAX_MESSAGE)):
        if not text:
            form.errors[what] = f"Please write your {what}."
        elif len(text) > limit:
            form.errors[what] = f"This has {len(text)} characters; {limit} are the most."
    return form


def token_of(session: MutableMapping[str, Any]) -> str:
    """Return what a form must bring, so that it is known to be from one of our pages.

    It is in the session, which is signed. A page of another site can post to us with the cookie of
    somebody who looks at it, but it cannot know what to put into the form.
    """
    token: str = session.setdefault("token", secrets.token_urlsafe())
    return token


def has_token(session: Mapping[str, Any], token: str) -> bool:
    """Return whether a form has brought the token of the session."""
    expected = str(session.get("token", ""))
    return bool(expected) and secrets.compare_digest(expected.encode(), token.encode())
