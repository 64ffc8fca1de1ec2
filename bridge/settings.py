"""Settings from the environment: comma lists, and the faults of a value that was rejected."""

from collections.abc import Iterator

from pydantic import ValidationError


def comma_list(written: object) -> object:
    """Return the parts of a comma list; a value that is no text is left as it is."""
    return tuple(part.strip() for part in written.split(",") if part.strip()) if isinstance(written, str) else written


def setting_faults(error: ValidationError) -> Iterator[str]:
    """Yield each fault with its variable, without the value, which may be a secret."""
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        name = "_".join(str(part) for part in fault["loc"][:1]).upper()
        text = fault["msg"].removeprefix("Value error, ")
        yield f"{name}: {text}" if name else text
