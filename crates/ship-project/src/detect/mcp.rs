//! MCP server: <https://modelcontextprotocol.io>. What is served is its application for HTTP; its
//! author may run it in another way, over standard input or with a path of their own.

use crate::detect::own_server::first_sign;
use crate::detect::{Found, Row};
use crate::plan::{Note, Place, Sourced};
use crate::project::Project;
use crate::python::expr::{Call, Expr};
use crate::python::index::{Index, Target, View};

pub(super) const ROW: Row = Row {
    key: "mcp",
    label: "MCP server",
    package: "mcp",
    classes: &[],
};

/// The classes, the one of the package `fastmcp` first.
const CLASSES: [&str; 5] = [
    "fastmcp.FastMCP",
    "mcp.server.fastmcp.FastMCP",
    "mcp.server.FastMCP",
    "mcp.server.MCPServer",
    "mcp.server.mcpserver.MCPServer",
];
/// What speaks over standard input, whatever stands around it.
const STDIO: [&str; 2] = ["mcp.server.stdio.stdio_server", "mcp.stdio_server"];

/// Where clients find it unless its author says otherwise.
const PATH: &str = "/mcp";

/// How its author runs it: `mcp.run(transport="sse", path="/tools")`.
struct Run {
    transport: Option<String>,
    path: Option<String>,
    place: Place,
}

/// Where clients find it, what keeps them out, and what its author runs in another way.
pub(super) fn tell(project: &Project, found: &mut Found) {
    if found.row.key != ROW.key {
        return;
    }
    let run = run(project);
    let mut path = written_path(project, found);
    let is_factory = found
        .objects
        .first()
        .is_some_and(|first| first.object.factory);
    if let Some(run) = run.filter(|_| is_factory) {
        match run.transport.as_deref() {
            None | Some("stdio") => found.notes.push(Note {
                text: "its `run()` speaks over standard input, where visitors cannot reach it: it is served over HTTP".to_owned(),
                hint: Some("clients that start it themselves still can; `mcp.run(transport=\"streamable-http\")` does the same as here".to_owned()),
                place: Some(run.place.clone()),
            }),
            Some("sse") if over_sse(found) => path = Some("/sse".to_owned()),
            Some("sse") => found.notes.push(Note {
                text: "its `run()` names the older transport SSE: it is served over streamable HTTP".to_owned(),
                hint: Some("for clients of SSE, at the top level of the file: `app = mcp.http_app(transport=\"sse\")`, which is then served".to_owned()),
                place: Some(run.place.clone()),
            }),
            Some(_) => {}
        }
        if let Some(own) = run.path {
            // `http_app()` without a path takes the one of FastMCP's settings.
            let setting = Sourced::from(own.clone(), run.place);
            found
                .env
                .insert("FASTMCP_STREAMABLE_HTTP_PATH".to_owned(), setting);
            path = Some(own);
        }
    }
    let path = path.as_deref().unwrap_or(PATH);
    found.notes.push(Note {
        text: format!("clients of this MCP server connect to the path `{path}`"),
        hint: Some(
            "one that is refused with 421 is not among its hosts: `transport_security` of the application, `allowed_hosts=[\"NAME.localhost:*\"]`"
                .to_owned(),
        ),
        place: found.places.first().cloned(),
    });
}

/// Takes the SDK's application for SSE in place of the other one.
fn over_sse(found: &mut Found) -> bool {
    let Some(first) = found.objects.first_mut() else {
        return false;
    };
    let attribute = &mut first.object.attribute;
    let Some(object) = attribute.strip_suffix(".streamable_http_app") else {
        return false;
    };
    *attribute = format!("{object}.sse_app");
    true
}

/// A server that speaks over standard input alone: no object of it can be served.
pub(super) fn spoken_to_by_nobody(project: &Project) -> Option<String> {
    let mut modules = project.index.own_modules_with(&["stdio_server"]);
    let place = modules.find_map(|module| {
        let line = first_sign(project, module, &STDIO)?;
        Some(module.place(line))
    })?;
    Some(format!(
        "`{place}`: this MCP server speaks over standard input, where nobody on the internet can reach it. With `mcp = FastMCP(\"NAME\")` at the top level of the file it is served over HTTP, as by `mcp.run(transport=\"streamable-http\")`"
    ))
}

/// The call that runs it.
fn run(project: &Project) -> Option<Run> {
    const RUNS: [&str; 5] = [
        "run",
        "run_async",
        "run_http_async",
        "run_streamable_http_async",
        "run_sse_async",
    ];
    let index = &project.index;
    let mut modules = index.own_modules_with(&["mcp", "fastmcp", "run", "run_async"]);
    modules.find_map(|module| {
        let view = View::of(module);
        module.calls.iter().find_map(|(call, line)| {
            let Expr::Attribute(of, name) = &call.function else {
                return None;
            };
            if !RUNS.contains(&name.as_str()) || made_by(index, &view, of).is_none() {
                return None;
            }
            let transport = match name.as_str() {
                "run_http_async" | "run_streamable_http_async" => Some("http".to_owned()),
                "run_sse_async" => Some("sse".to_owned()),
                _ => transport(call),
            };
            Some(Run {
                transport,
                path: call.keyword("path").and_then(Expr::text).map(str::to_owned),
                place: module.place(*line),
            })
        })
    })
}

/// `transport="sse"`, or the first argument. What cannot be read is taken for HTTP.
fn transport(call: &Call) -> Option<String> {
    let said = call.argument(0, "transport")?;
    Some(said.text().unwrap_or("http").to_owned())
}

/// The call that makes the object that `expr` names.
fn made_by<'a>(index: &'a Index, view: &View<'a>, expr: &Expr) -> Option<&'a Call> {
    let Target::Inside(module, names) = index.resolve(view, expr)? else {
        return None;
    };
    let [name] = names.as_slice() else {
        return None;
    };
    let call = module.top.binding(name)?.value.call()?;
    let class = index.outside(&View::of(module), &call.function)?;
    CLASSES.contains(&class.as_str()).then_some(call)
}

/// The path that stands in the file with the application: an argument of what makes it.
fn written_path(project: &Project, found: &Found) -> Option<String> {
    let first = found.objects.first()?;
    let module = project.index.get(&first.place.file)?;
    let is_sse = first.object.attribute.ends_with("sse_app");
    let name = first.object.attribute.split('.').next()?;
    let view = View::of(module);
    let call = module.top.binding(name)?.value.call()?;
    let text = |call: &Call, keyword: &str| {
        call.keyword(keyword)
            .and_then(Expr::text)
            .map(str::to_owned)
    };
    let own = || match &call.function {
        Expr::Attribute(of, method) => {
            let made = made_by(&project.index, &view, of);
            let sse = method == "sse_app" || text(call, "transport").as_deref() == Some("sse");
            text(call, "path")
                .or_else(|| text(made?, "streamable_http_path").filter(|_| !sse))
                .or_else(|| sse.then(|| "/sse".to_owned()))
        }
        _ => text(call, "streamable_http_path").filter(|_| !is_sse),
    };
    own()
}
