"""What the suite must not ask: folders of this machine as projects, and streams without an end.

And how a body is written that is no JSON."""

import os

import schemathesis


@schemathesis.hook
def filter_body(context, body):
    project = body.get("project") if isinstance(body, dict) else None
    return not (isinstance(project, str) and os.path.isdir(project.split("\0")[0]))


@schemathesis.hook
def filter_case(context, case):
    if case.operation.label.endswith("/attach"):
        # A value that cannot be read is refused; anything else goes on until the caller goes.
        since = (case.query or {}).get("since")
        return since is not None and case.meta is not None and case.meta.generation.mode.is_negative
    return str((case.query or {}).get("follow", "false")).lower() != "true"


@schemathesis.serializer("application/zlib")
def zlib(context, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
