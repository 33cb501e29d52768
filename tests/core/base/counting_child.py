"""A child process that writes a line ten times a second until its input is closed."""

from __future__ import annotations

import os
import sys
import threading
import time

from core.base.json_worker import resume_with_parent

if __name__ == "__main__":
    resume_with_parent()
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    while True:
        print("1", flush=True)  # noqa: T201  (this is the message)
        time.sleep(0.1)
