"""JSON files of users, which may hold anything."""

import json
from pathlib import Path
from typing import Any

from marginface.data.errors import DataError


def read_json(path: Path, expected: str) -> Any:
    """Content of a JSON file.

    Args:
        path: The file; must exist.
        expected: What it should be and what to do where it is not, for the message.

    Raises:
        DataError: It is no JSON in UTF-8, is nested a thousand times over, or holds text that no file or name can have
            (half of a surrogate pair).
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = json.loads(text)
        if "\\u" in text:
            json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON ({str(error)[:200]}): {expected}") from error
    return content
