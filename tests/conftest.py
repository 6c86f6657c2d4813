"""What must not reach the tests from the shell of whoever runs them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

OTHERS = ("LOGLEVEL", "SINGER_SDK_LOG_CONFIG")
PREFIXES = ("TAP_ZENDESK_EVENTS_", "TARGET_", "MELTANO_")


def forget_settings(environment: MutableMapping[str, str]) -> None:
    """Take out what says where an account and a database are, and how much is logged.

    Who works on the tap may use it too, and have its settings in the shell. A test that took one
    of them over would ask the real account.
    """
    for name in list(environment):
        if name in OTHERS or name.startswith(PREFIXES):
            del environment[name]


forget_settings(os.environ)
