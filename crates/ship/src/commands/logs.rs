//! `ship logs`: what an app wrote, across releases and crashes.

use ship_api::client::{self, Client};
use ship_api::request::Logs;
use ship_base::clock::Moment;
use ship_base::name::{AppName, ProcessName, ReleaseId};

use crate::cli::Context;
use crate::control::Control;
use crate::error::Result;
use crate::log_view::LogView;
use crate::seen::Seen;
use crate::target::Target;
use crate::ui::Ui;
use crate::when;

/// How many lines are shown when nothing else limits them.
const TAIL: usize = 200;

/// Show what an app wrote
///
/// Also of earlier releases, of instances that crashed, and while the app is stopped. Lines that
/// Shipsmith says about an instance (started, ended, starts again) are marked with `·`.
///
/// Without an option that limits them, the last 200 lines are shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship logs -f
  ship logs --process worker --since 2h
  ship logs --access -f
  ship logs --release r7 --grep Traceback
  ship logs --json -n 1000 | jq -r 'select(.stream == \"err\") | .text'")]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// The requests that the front door answered, in place of what the app wrote
    ///
    /// In the combined form that programs for web logs read; with `--json` as objects.
    #[arg(long, conflicts_with = "process")]
    access: bool,
    /// Go on with what comes, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Only this process: `web`, `worker`, `release`, …
    #[arg(short, long, value_name = "NAME")]
    process: Option<ProcessName>,
    /// Only this release
    #[arg(long, value_name = "rN")]
    release: Option<ReleaseId>,
    /// From this time on: `10m`, `2h`, `3d` ago; `2026-11-21`, `"2026-11-21 08:00"`, `08:00`
    #[arg(short, long, value_name = "TIME", value_parser = when::since)]
    since: Option<Moment>,
    /// Only lines that hold this text, exactly as it is written here
    #[arg(short, long, value_name = "TEXT")]
    grep: Option<String>,
    /// Only the last so many lines; 0 for all
    #[arg(short = 'n', long, value_name = "N")]
    lines: Option<usize>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

impl Args {
    fn query(&self) -> Logs {
        let limited = self.since.is_some() || self.release.is_some() || self.grep.is_some();
        Logs {
            access: self.access,
            follow: self.follow,
            process: self.process.clone(),
            release: self.release,
            since: self.since,
            grep: self.grep.clone(),
            tail: match self.lines {
                Some(0) => None,
                None if limited => None,
                lines => Some(lines.unwrap_or(TAIL)),
            },
        }
    }
}

/// Shows what there is, and what comes.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    let control = context.control()?;
    let client = control.connect().await?;
    let app = args.target.resolve(&context.world, &client).await?;
    let mut view = LogView::new(&context.ui, args.json, args.access);
    follow(
        &mut context.ui,
        &mut view,
        &control,
        client,
        &app,
        args.query(),
    )
    .await
}

/// A control process that ends does not end the log: it goes on where it was.
async fn follow(
    ui: &mut Ui,
    view: &mut LogView,
    control: &Control,
    mut client: Client,
    app: &AppName,
    mut query: Logs,
) -> Result<()> {
    let mut seen = Seen::new(Moment::from_millis(0));
    while let Some(broken) = show(ui, view, &client, app, &query, &mut seen).await? {
        if !query.follow || !broken.is_gone() {
            return Err(broken.into());
        }
        client = control.connect().await?;
        seen.again();
        query = from_here(query, &seen);
    }
    Ok(())
}

/// Shows one answer to its end, or to where it broke.
async fn show(
    ui: &mut Ui,
    view: &mut LogView,
    client: &Client,
    app: &AppName,
    query: &Logs,
    seen: &mut Seen,
) -> Result<Option<client::Error>> {
    let mut lines = match client.logs(app, query).await {
        Ok(lines) => lines,
        Err(error) => return Ok(Some(error)),
    };
    loop {
        match lines.next().await {
            Ok(Some(line)) if seen.is_fresh(&line) => view.show(ui, &line)?,
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error)),
        }
    }
}

/// What is asked again after a break.
fn from_here(query: Logs, seen: &Seen) -> Logs {
    if seen.is_empty() {
        return query;
    }
    Logs {
        since: Some(seen.until()),
        tail: None,
        ..query
    }
}
