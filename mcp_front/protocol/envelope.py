"""JSON-RPC envelopes: the checks that a POST body passes before MCP's own machinery reads it. Pure.

The SDK answers 202 to a request whose id has a wrong type, and its other refusals quote pydantic at the client.
"""

import json
import re
from collections import Counter
from typing import Any

LONGEST_ID = 256  # characters: an id comes back in every answer
LONGEST_METHOD = 128
LONGEST_NAMES = {"prompts/get": ("name", 128), "resources/read": ("uri", 512)}  # the SDK echoes them
SHOWN = 64  # characters of a client's own text in an error
NOTIFICATION = "notifications/"
PROGRESS_TOKEN = "progressToken"
REQUEST_ID = "ibkr.request_id"  # in the ASGI scope: the id as it came, since FastMCP makes a string of 1
MESSAGE = "ibkr.message"  # in the ASGI scope: the checked message, so that it is parsed once
SURROGATE = re.compile(rb"\\u[dD][89abAB]")

PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS = -32700, -32600, -32602

Message = dict[str, Any]


class Malformed(Exception):
    """A body that is no JSON-RPC message: JSON-RPC's code, the reason in words, and the id where there is one."""

    def __init__(self, code: int, reason: str, id: str | int | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.id = id


def parse_envelope(body: bytes) -> Message:
    """Return the one message of a body. Raises Malformed."""
    message = _parse(body)
    if isinstance(message, list):
        raise Malformed(INVALID_REQUEST, "Batches are not served (MCP has none since 2025-06-18): send one message.")
    if not isinstance(message, dict):
        raise Malformed(INVALID_REQUEST, f"A JSON-RPC message is an object, not {_kind(message)}.")
    if message.get("jsonrpc") != "2.0":
        raise Malformed(INVALID_REQUEST, 'jsonrpc must be "2.0".', _known_id(message))
    if "method" in message or not ("result" in message or "error" in message):
        _check_request(message)
    return message


def without_null_token(message: Message) -> Message:
    """Return the message without a progress token of null, as serializers of optional fields write it: the SDK takes
    none. Any other message is returned itself."""
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    if not isinstance(meta, dict) or meta.get(PROGRESS_TOKEN, "") is not None:
        return message
    meta = {name: value for name, value in meta.items() if name != PROGRESS_TOKEN}
    return {**message, "params": {**message["params"], "_meta": meta}}


def _parse(body: bytes) -> Any:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Malformed(PARSE_ERROR, f"The body is not UTF-8 at byte {error.start}.") from None
    try:
        message = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Malformed(PARSE_ERROR, f"The body is not JSON: {error.msg} at character {error.pos}.") from None
    except RecursionError:
        raise Malformed(PARSE_ERROR, "The JSON is nested too deep.") from None
    except ValueError:  # from int(): Python reads at most 4300 digits
        raise Malformed(PARSE_ERROR, "The body has a number of thousands of digits.") from None
    if SURROGATE.search(body):
        _check_characters(message)
    return message


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that has a name twice: readers differ in which value counts, and one may be a price."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for name, number in Counter(name for name, _ in pairs).items() if number > 1)
        raise Malformed(INVALID_REQUEST, f'The name "{_shown(twice)}" is there twice in one object.')
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)  # json.loads would make one for each message


def _check_characters(message: Any) -> None:
    try:
        json.dumps(message, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Malformed(PARSE_ERROR, "A string has half of a surrogate pair, which is no character.") from None


def _check_request(message: Message) -> None:
    id = _checked_id(message)
    method, params = message.get("method"), message.get("params")
    if not isinstance(method, str) or not method:
        raise Malformed(INVALID_REQUEST, f"method must be a name, not {_kind(method)}.", id)
    if len(method) > LONGEST_METHOD:
        raise Malformed(INVALID_REQUEST, f"method has {len(method)} characters: at most {LONGEST_METHOD}.", id)
    if "id" not in message and not method.startswith(NOTIFICATION):
        raise Malformed(INVALID_REQUEST, f"{_shown(method)} needs an id: only notifications go without one.")
    if params is not None and not isinstance(params, dict):
        raise Malformed(INVALID_PARAMS, f"params must be an object, not {_kind(params)}.", id)
    _check_params(method, params or {}, id)


def _check_params(method: str, params: Message, id: str | int | None) -> None:
    meta = params.get("_meta")
    if meta is not None and not isinstance(meta, dict):
        raise Malformed(INVALID_PARAMS, f"params._meta must be an object, not {_kind(meta)}.", id)
    token = (meta or {}).get(PROGRESS_TOKEN)
    if token is not None and not is_id(token):
        raise Malformed(INVALID_PARAMS, f"progressToken must be a string or a whole number, not {_kind(token)}.", id)
    field, longest = LONGEST_NAMES.get(method, ("", 0))
    if field and len(str(params.get(field, ""))) > longest:
        raise Malformed(INVALID_PARAMS, f"params.{field} is too long: at most {longest} characters.", id)
    if method != "tools/call":
        return
    if not isinstance(params.get("name"), str):
        raise Malformed(INVALID_PARAMS, f"params.name must be a tool's name, not {_kind(params.get('name'))}.", id)
    arguments = params.get("arguments")
    if arguments is not None and not isinstance(arguments, dict):
        raise Malformed(INVALID_PARAMS, f"params.arguments must be an object, not {_kind(arguments)}.", id)


def _checked_id(message: Message) -> str | int | None:
    id = message.get("id", "")
    if not is_id(id):
        raise Malformed(
            INVALID_REQUEST, f"id must be a string or a whole number, not {'null' if id is None else _kind(id)}."
        )
    if len(str(id)) > LONGEST_ID:
        raise Malformed(INVALID_REQUEST, f"id has {len(str(id))} characters: at most {LONGEST_ID}.")
    return _known_id(message)


def _known_id(message: Message) -> str | int | None:
    id = message.get("id")
    return id if is_id(id) else None


def is_id(value: Any) -> bool:
    """Return whether MCP takes it as a request's id or a progress token."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    """A JSON value as an error names it: its type, or the value itself where that says more."""
    if value is None:
        return "null or left out"
    if isinstance(value, bool | float):
        return json.dumps(value)
    names = {str: "a string", int: "a number", dict: "an object", list: "an array"}
    return names[type(value)]


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:SHOWN])
