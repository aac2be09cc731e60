#!/usr/bin/env python3
"""End to end: the release binary on loopback, the official `openai` client before it, mock providers behind it.

    python .ci/e2e.py PATH_TO_BINARY [WORD ...]        (needs: pip install openai 'a2a-sdk[http-server]' uvicorn)

With words, only the tests whose name has one of them. Every wait is bounded. The last line is 'N passed, N failed';
the exit code is 1 where a test failed.
"""

import sys
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True

from endtoend import agents, answers, bytes_kept, faults, process  # noqa: E402,F401: their tests enter the list
from endtoend.gateway import World  # noqa: E402
from endtoend.waiting import TESTS  # noqa: E402


def main():
    if len(sys.argv) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    binary = str(Path(sys.argv[1]).resolve())
    wanted = sys.argv[2:]
    world = World(binary)
    passed = failed = 0
    for function in TESTS:
        name = function.__name__
        if wanted and not any(word in name for word in wanted):
            continue
        began = time.monotonic()
        try:
            function(world)
        except Exception:  # noqa: BLE001: a test may fail in any way
            failed += 1
            print(f"FAILED  {name}  ({time.monotonic() - began:.1f} s)\n{traceback.format_exc()}", flush=True)
        else:
            passed += 1
            print(f"ok      {name}  ({time.monotonic() - began:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
