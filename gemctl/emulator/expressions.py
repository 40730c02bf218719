"""Compiles regular expressions that a user gives: in faults, scripted answers, knobs, and questions to the admin door.

Called where one is read. Separate because Python says in several ways that one is none, and a user is to be told once.
"""

import re


def compiled(text: str) -> re.Pattern[str]:
    """The expression. Raises ValueError, which says what is wrong with it."""
    try:
        return re.compile(text)
    except (re.error, FutureWarning) as error:  # the latter where a test takes warnings for errors
        raise ValueError(str(error)) from None
    except (OverflowError, RecursionError):
        raise ValueError("it is too large, or nested too deeply") from None
