"""Imports the application, looks at what it is, and writes what it saw to a file.

Reads one JSON object from standard input:
    objects   [{"module", "attribute", "factory"}, ...] in the order to try; may be empty
    django    the settings module of a Django project, or null
    hosts     names under which visitors come
    servers   packages of web servers to look for
    server    [package, program] of the one that will be started, or null
    argv      the command line of the program that is stood in for: settings may look at it
    result    the file to write
    deadline  seconds after which it says where it hangs

Runs on every Python from 3.8 on, with the application's own packages and nothing else.
"""

import ast
import faulthandler
import importlib
import inspect
import json
import os
import re
import sys
import traceback


class Failure(Exception):
    """What is wrong with an object, where no exception of its own says so."""

    def __init__(self, stage, line, **more):
        super().__init__(line)
        self.report = dict(more, stage=stage, line=line, type="", frames=[])


def frames_of(error):
    """The stack, oldest first, without this script and what is frozen."""
    frames = [
        [frame.filename, frame.lineno or 0, frame.name, frame.line or ""]
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<")
    ]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append([error.filename, error.lineno or 0, "", (error.text or "").strip()])
    return frames


def missing_variables(error, frames):
    """Names of environment variables that the application demands and nobody has set."""
    names = []
    for one in chain(error):
        kind = type(one).__name__
        if isinstance(one, KeyError) and raised_by_environ(one):
            names.append(one.args[0])
        elif kind == "UndefinedValueError":  # python-decouple
            names.append(str(one).split(" ")[0])
        elif kind == "ImproperlyConfigured" and "environment variable" in str(one):  # django-environ
            words = str(one).replace("'", " ").replace('"', " ").split()
            names += [word for word in words if word.isupper() and len(word) > 2][:1]
        elif kind == "EnvError":  # environs
            names += [word.strip("'\"") for word in str(one).split() if word.strip("'\"").isupper()][:1]
        elif kind == "ValidationError" and hasattr(one, "errors"):  # pydantic-settings
            names += [
                str(part["loc"][-1]).upper()
                for part in one.errors()
                if part.get("type") in ("missing", "value_error.missing") and part.get("loc")
            ]
    return list(dict.fromkeys(names))


def unset_reads(error):
    """[file, line, name] of environment variables that are read without a default, are not set, and
    are spoken of in the line that failed or in the message: `None` where a value was expected.
    """
    frames = [frame for frame in frames_of(error) if in_project(frame[0])]
    if not frames or isinstance(error, (ImportError, SyntaxError, SystemExit)):
        return []
    failing = [frames[-1][0], frames[-1][1]]
    words = set(re.findall(r"\w+", " ".join([frames[-1][3]] + [str(one) for one in chain(error)])))
    files = [failing[0]] + [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    reads = [
        [file, line, name]
        for file in dict.fromkeys(files)
        if file.endswith(".py") and in_project(file)
        for line, name, target in reads_in(file)
        if name not in os.environ and ({name, target} & words or [file, line] == failing)
    ]
    return list({name: [file, line, name] for file, line, name in reversed(reads)}.values())


def in_project(file):
    return os.path.realpath(file).startswith(os.path.realpath(os.getcwd()) + os.sep)


def reads_in(file):
    """(line, variable, name it is given) of each `os.getenv("X")` and `os.environ.get("X")`."""
    try:
        with open(file, "rb") as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError):
        return []
    targets = {
        id(call): target_of(node) for node in ast.walk(tree) if isinstance(node, (ast.Assign, ast.AnnAssign))
        for call in ast.walk(node)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and reads_without_default(node)]
    return [(call.lineno, ast.literal_eval(call.args[0]), targets.get(id(call), "")) for call in calls]


def target_of(assignment):
    target = assignment.targets[0] if isinstance(assignment, ast.Assign) else assignment.target
    return getattr(target, "id", None) or getattr(target, "attr", None) or ""


def reads_without_default(call):
    names = []
    function = call.func
    while isinstance(function, ast.Attribute):
        names.insert(0, function.attr)
        function = function.value
    names.insert(0, getattr(function, "id", ""))
    if names[-1:] != ["getenv"] and names[-2:] != ["environ", "get"]:
        return False
    try:
        name, *default = [ast.literal_eval(argument) for argument in call.args]
        return isinstance(name, str) and not call.keywords and default in ([], [None])
    except ValueError:
        return False


def raised_by_environ(error):
    """Whether a KeyError comes from os.environ; os is frozen from Python 3.11 on."""
    stack = traceback.extract_tb(error.__traceback__)
    if not stack or not error.args or not isinstance(error.args[0], str):
        return False
    return stack[-1].filename == "<frozen os>" or os.path.basename(stack[-1].filename) == "os.py"


def chain(error):
    """The exception and what it came from, as a traceback shows them, outermost first."""
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return seen


def told(error):
    """What a traceback says last of an exception: one line, and those that a long message or notes
    add. The place of a syntax error, which is set in, stands before it.
    """
    lines = "".join(traceback.format_exception_only(type(error), error)).splitlines()
    starts = [index for index, line in enumerate(lines) if line and not line[0].isspace()]
    if not starts:
        return type(error).__name__, []
    return lines[starts[0]].strip(), [line.rstrip() for line in lines[starts[0] + 1:]]


def describe(error, stage):
    if isinstance(error, Failure):
        return error.report
    frames = frames_of(error)
    line, details = told(error)
    return {
        "stage": stage,
        "type": type(error).__name__,
        "line": line,
        "details": details,
        "frames": frames,
        "causes": ["".join(traceback.format_exception_only(type(one), one)).strip() for one in chain(error)[1:]],
        "missing_module": next((one.name for one in chain(error) if isinstance(one, ModuleNotFoundError)), None),
        "missing_variables": missing_variables(error, frames),
        "unset": unset_reads(error),
        "text": [line.rstrip() for line in traceback.format_exception(type(error), error, error.__traceback__)],
    }


def look_up(wanted):
    module = importlib.import_module(wanted["module"])
    found = module
    for name in wanted["attribute"].split("."):
        if not hasattr(found, name):
            names = sorted(name for name, value in vars(module).items() if callable(value) and not name.startswith("_"))
            raise Failure("attribute", "module `%s` has no `%s`" % (wanted["module"], wanted["attribute"]), names=names)
        found = getattr(found, name)
    return found


def needed(function):
    """Names of the positional arguments that must be given; None where they cannot be told."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [one.name for one in parameters if one.kind in positional and one.default is one.empty]
    if any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters) and len(names) < 2:
        return None
    return names


def is_async(found):
    call = getattr(type(found), "__call__", None)
    return inspect.iscoroutinefunction(found) or inspect.iscoroutinefunction(call)


def interface_of(found):
    """"wsgi", "asgi", "factory", or None for what is no application."""
    if not callable(found):
        return None
    names = needed(found)
    if names is None:
        # A wrapper that takes anything: a coroutine function can only be ASGI.
        return "asgi" if is_async(found) else "wsgi" if inspect.isfunction(found) else None
    if len(names) == 3:
        return "asgi"
    if len(names) == 2:
        return "asgi" if is_async(found) else "wsgi"
    if len(names) == 0 and (inspect.isfunction(found) or inspect.ismethod(found)):
        return "factory"
    return None


def name_of(found):
    kind = found if inspect.isclass(found) or inspect.isfunction(found) else type(found)
    return "%s.%s" % (getattr(kind, "__module__", "?"), getattr(kind, "__qualname__", "?"))


def prove(wanted):
    stage = "import"
    try:
        found = look_up(wanted)
        interface, factory = interface_of(found), False
        if interface == "factory" or (wanted["factory"] and inspect.isfunction(found)):
            stage, factory = "call", True
            found = found()
            if inspect.iscoroutine(found):
                found.close()
                raise Failure("kind", "`%s` is a coroutine function: a factory must return the application itself" % wanted["attribute"])
            interface = interface_of(found)
        if interface not in ("wsgi", "asgi"):
            raise Failure("kind", "`%s` is neither a WSGI nor an ASGI application but `%s`" % (wanted["attribute"], name_of(found)))
        return {"interface": interface, "factory": factory, "kind": name_of(found)}, None
    except (Exception, SystemExit) as error:
        return None, describe(error, stage)


def prove_with_stand_ins(wanted):
    """Proves it; where settings are missing, harmless ones stand in for them so that the next one is
    missed, too: its author hears of all of them at once. What failed first is what failed.
    """
    before, modules = dict(os.environ), set(sys.modules)
    application, failure = prove(wanted)
    names = list(failure["missing_variables"]) if failure and failure.get("missing_variables") else []
    next_one, said = names, failure
    while next_one and len(names) < MOST_STAND_INS:
        os.environ.update({name: stand_in(name) for name in next_one})
        for name in [name for name, module in list(sys.modules.items()) if name not in modules and of_project(module)]:
            del sys.modules[name]
        _, said = prove(wanted)
        next_one = [name for name in (said or {}).get("missing_variables") or [] if name not in names]
        names += next_one
    if names:
        os.environ.clear()
        os.environ.update(before)
        failure["missing_variables"] = names
    return application, failure


MOST_STAND_INS = 30


def of_project(module):
    return in_project(getattr(module, "__file__", None) or os.sep)


def stand_in(name):
    """A value that harms nothing and that most readers understand."""
    if "DATABASE" in name or name in ("DB_URL", "DB_URI"):
        return "sqlite://:memory:" if "django" in sys.modules else "sqlite:///:memory:"
    if "REDIS" in name or "BROKER" in name:
        return "redis://localhost"
    if name.endswith(("_URL", "_URI", "_ENDPOINT")):
        return "http://localhost"
    if name.endswith(("PORT", "_SIZE", "_LIMIT", "_TIMEOUT", "_SECONDS", "_COUNT", "_ID")):
        return "1"
    if "DEBUG" in name or name.startswith(("USE_", "ENABLE_", "IS_")):
        return "false"
    return "stands-in-for-the-check-only"


def refuses(host):
    """Whether Django answers 400 there, by its own rule."""
    from django.core.exceptions import DisallowedHost
    from django.http import HttpRequest

    request = HttpRequest()
    request.META.update(HTTP_HOST=host, SERVER_NAME=host, SERVER_PORT="80")
    try:
        request.get_host()
    except DisallowedHost:
        return True
    return False


def django_facts(hosts):
    from django.conf import settings

    def get(name, default=None):
        return getattr(settings, name, default)

    def text(value):
        return None if value is None else str(value)

    storages = get("STORAGES") or {}
    storage = (storages.get("staticfiles") or {}).get("BACKEND") or get("STATICFILES_STORAGE")
    return {
        "debug": bool(get("DEBUG")),
        "refused_hosts": [host for host in hosts if refuses(host)],
        "static_url": text(get("STATIC_URL")),
        "static_root": text(get("STATIC_ROOT")),
        "media_url": text(get("MEDIA_URL")),
        "media_root": text(get("MEDIA_ROOT")),
        "databases": [
            str(one.get("NAME")) for one in get("DATABASES", {}).values()
            if "sqlite" in str(one.get("ENGINE")) or "spatialite" in str(one.get("ENGINE"))
        ],
        "staticfiles": "django.contrib.staticfiles" in get("INSTALLED_APPS", []),
        "storage": text(storage),
        "sources": static_sources(settings, text(storage)) if "django.contrib.staticfiles" in get("INSTALLED_APPS", []) else None,
    }


def static_sources(settings, storage):
    """The folders that collectstatic reads, and the settings that decide what it makes of them.

    None where code of the project's own takes part, or where files go to another machine: then
    nothing but running it tells what comes of it.
    """
    try:
        from django.contrib.staticfiles.finders import get_finders
        from django.utils.module_loading import import_string

        known = ("django.contrib.staticfiles.", "whitenoise.")
        found = list(get_finders())
        if not all(one.__module__.startswith(known) for one in [import_string(storage)] + [type(one) for one in found]):
            return None
        folders = [str(place.location) for one in found for place in one.storages.values()]
        decisive = [name for name in dir(settings) if name.startswith(("STATIC", "STORAGES", "WHITENOISE"))]
        return {"folders": folders, "settings": str([(name, getattr(settings, name)) for name in decisive])}
    except Exception:
        return None


def uses_django():
    conf = sys.modules.get("django.conf")
    return bool(conf and conf.settings.configured)


def installed(packages):
    from importlib import metadata

    def is_there(name):
        try:
            metadata.version(name)
            return True
        except metadata.PackageNotFoundError:
            return False

    return [name for name in packages if is_there(name)]


def import_server(package, program):
    """What the server's program imports first: one that cannot be imported cannot be started."""
    from importlib import metadata

    for one in metadata.distribution(package).entry_points:
        if one.group == "console_scripts" and one.name == program:
            module, _, function = one.value.split(" ")[0].partition(":")
            # As the script has it, `from granian import cli`: that imports a module of a package.
            first = function.split(".")[0]
            getattr(__import__(module, fromlist=[first]), first)


def is_none(wanted, failure):
    """Whether it was a wrong guess: there is no such module, nothing in it of that name, or no application."""
    missing = failure.get("missing_module")
    is_absent = missing and (wanted["module"] + ".").startswith(missing + ".")
    return failure["stage"] in ("attribute", "kind") or bool(is_absent)


def look(request):
    first = None
    result = {"servers": installed(request["servers"]), "application": None, "failure": None, "django": None}
    for index, wanted in enumerate(request["objects"]):
        application, failure = prove_with_stand_ins(wanted)
        if application:
            result["application"] = dict(application, index=index)
            first = None
            break
        failure = dict(failure, index=index)
        if not is_none(wanted, failure):
            # The application that is meant does not work: another one in its place would be worse.
            first = failure
            break
        first = first or failure
    if result["application"] and request["server"]:
        try:
            import_server(*request["server"])
        except (Exception, SystemExit) as error:
            first = dict(describe(error, "server"), index=None)
    result["failure"] = first
    if not first and (request["django"] or uses_django()):
        try:
            if request["django"]:
                os.environ.setdefault("DJANGO_SETTINGS_MODULE", request["django"])
            if not request["objects"]:
                importlib.import_module("django").setup()
            result["django"] = django_facts(request["hosts"])
        except (Exception, SystemExit) as error:
            result["failure"] = dict(describe(error, "settings"), index=None)
    return result


def main():
    request = json.load(sys.stdin)
    sys.path[0] = os.getcwd()
    sys.argv = request["argv"]
    # Where a compiled package crashes is worth knowing.
    faulthandler.enable()
    # Where it hangs is worth knowing; the one who started us ends us at the deadline itself.
    faulthandler.dump_traceback_later(request["deadline"], exit=False, file=sys.stderr)
    result = look(request)
    temporary = request["result"] + ".part"
    with open(temporary, "w", encoding="utf-8", errors="backslashreplace") as file:
        json.dump(result, file)
    os.rename(temporary, request["result"])
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads and exit handlers that the application started are not waited for.
    os._exit(0)


main()
