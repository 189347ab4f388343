"""Compiles Python files to byte code: reads [[source, target, name], ...] from standard input.

"unchecked" code is never compared with its source again: it goes with files that never change.
"checked" code is compared by hash, so it stays right wherever the source is copied to.
What does not compile (templates, Python 2) is left out, as on import nobody would miss it.
"""

import json
import os
import py_compile
import sys
import warnings

warnings.simplefilter("ignore")
mode = {
    "checked": py_compile.PycInvalidationMode.CHECKED_HASH,
    "unchecked": py_compile.PycInvalidationMode.UNCHECKED_HASH,
}[sys.argv[1]]
for source, target, name in json.load(sys.stdin):
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        py_compile.compile(source, target, name, doraise=True, invalidation_mode=mode)
    except (py_compile.PyCompileError, SyntaxError, ValueError, RecursionError, OSError):
        pass
