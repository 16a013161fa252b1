"""Names that say nothing of a patient: made with a key that stays with the user, the same for the same patient and key.

Without the key nobody finds the patient by trying all numbers; whoever deletes the key breaks the last link.
"""

import hashlib
import hmac
import os
import secrets
import sys
from pathlib import Path

from ..data.errors import PerfusionError

KEY_VARIABLE = "PERFUSIONDL_PSEUDONYM_KEY"
"""Environment variable with the key as hexadecimal text, which comes before the file."""
KEY_BYTES = 32
KEPT = "image:"
"""What the references begin with that stand for the identifiers of images in files that may leave the house."""


def find_key_file() -> Path:
    """Where the key of this user lies."""
    if sys.platform == "win32":
        root = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    else:
        root = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return root / "perfusiondl" / "pseudonym.key"


def read_or_make_key() -> bytes:
    """The key of this user; made at random, readable by nobody else, where there is none yet.

    Raises PerfusionError where it cannot be read or kept.
    """
    given = os.environ.get(KEY_VARIABLE)
    path = find_key_file()
    try:
        if not given:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(handle, "w", encoding="ascii") as file:
                    file.write(secrets.token_hex(KEY_BYTES) + "\n")
            given = path.read_text(encoding="ascii")
        key = bytes.fromhex(given.strip())
    except FileExistsError:  # another process made it in the same moment
        return read_or_make_key()
    except (OSError, ValueError) as error:
        raise PerfusionError(
            f"The key of the pseudonyms cannot be read or kept in {path}.",
            f"Check that you may write there, or put a key of 64 hexadecimal digits into {KEY_VARIABLE}.",
        ) from error
    if len(key) < KEY_BYTES // 2:
        raise PerfusionError(
            "The key of the pseudonyms is too short.", f"Put 64 hexadecimal digits into {KEY_VARIABLE} or {path}."
        )
    return key


def make_pseudonym(kind: str, name: str, *, digits: int = 12, key: bytes | None = None) -> str:
    """Hexadecimal digits that stand for a name; another kind gives others.

    key : of this user by default

    >>> make_pseudonym("patient", "1234567", key=b"one") == make_pseudonym("patient", "1234567", key=b"other")
    False
    """
    text = f"{kind}|{name}".encode("utf-8", errors="surrogateescape")
    return hmac.new(read_or_make_key() if key is None else key, text, hashlib.sha256).hexdigest()[:digits]


def make_image_reference(uid: str, *, key: bytes | None = None) -> str:
    """What stands for an image's SOPInstanceUID in files that may leave the house; ``key`` as of `make_pseudonym`."""
    return uid if uid.startswith(KEPT) else KEPT + make_pseudonym("image", uid, digits=24, key=key)


def make_pseudonym_uid(uid: str) -> str:
    """A unique identifier that stands for another one (DICOM PS3.5 B.2)."""
    return f"2.25.{int(make_pseudonym('uid', uid, digits=32), 16)}"
