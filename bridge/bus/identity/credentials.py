"""Passphrases and one-time codes of operators: how they are kept, and whether one that was typed is right.

Passphrases are kept as argon2id hashes (argon2-cffi, the parameters of RFC 9106's second choice). One-time codes are
RFC 6238's, of six digits and 30 seconds, as every authenticator app makes them (pyotp).
"""

import time
import unicodedata

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12  # characters
LONGEST = 1024  # characters: more would let a stranger spend this process's time
STEP_S = 30
DRIFT = 1  # steps that a phone's clock may be early or late
ISSUER = "ibkr-tws-mcp"

_HASHER = PasswordHasher()
NO_HASH = _HASHER.hash("nobody's passphrase")  # checked for an unknown name, so that it takes as long


def weakness(passphrase: str) -> str:
    """Return why a new passphrase is not good enough, empty if it is."""
    if len(passphrase) < SHORTEST:
        return f"a passphrase has at least {SHORTEST} characters; this one has {len(passphrase)}"
    if len(passphrase) > LONGEST:
        return f"a passphrase has at most {LONGEST} characters; this one has {len(passphrase)}"
    if len(set(passphrase)) < SHORTEST // 2:
        return f"a passphrase has at least {SHORTEST // 2} different characters"
    return ""


def hashed(passphrase: str) -> str:
    """Return the passphrase's hash in argon2's own format, with its salt and parameters."""
    return _HASHER.hash(_normal(passphrase))


def matches(kept: str, passphrase: str) -> bool:
    """Return whether the passphrase is the one that was hashed; False for a hash that can't be read."""
    try:
        return len(passphrase) <= LONGEST and _HASHER.verify(kept, _normal(passphrase))
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


def _normal(passphrase: str) -> str:
    """Spell it one way: keyboards and systems write the same accented letter in different ways."""
    return unicodedata.normalize("NFKC", passphrase)


def new_totp_secret() -> str:
    """Return a new secret for an authenticator app, in base 32."""
    return pyotp.random_base32()


def totp_uri(secret: str, operator: str) -> str:
    """Return the address that authenticator apps take, usually from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=operator, issuer_name=ISSUER)


def totp_step(secret: str, code: str, now: float | None = None) -> int | None:
    """Return the step of time whose code this is, None for a wrong code. A step is good for one sign-in.

    now: seconds since 1970, this machine's clock if not given.
    """
    digits = code.replace(" ", "")
    if not (len(digits) == 6 and digits.isascii() and digits.isdigit()):
        return None
    current = int((time.time() if now is None else now) // STEP_S)
    totp = pyotp.TOTP(secret)
    steps = range(current - DRIFT, current + DRIFT + 1)
    return next((step for step in steps if pyotp.utils.strings_equal(totp.generate_otp(step), digits)), None)
