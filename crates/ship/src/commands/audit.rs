//! `ship audit`: who changed what.

use ship_api::reply::{Audit, AuditEntry, AuditGone};
use ship_base::count;
use ship_base::fault::FaultKind;

use crate::cli::Context;
use crate::error::{CommandError, Result};
use crate::table::{self, Give};

/// Show who changed what, and when
///
/// Every change that is asked of the server is written down before it is begun, and again when it
/// is over; so is what a key asked for and may not. Each line carries a hash of itself and of the
/// line before: nobody changes one unnoticed. Beyond 200,000 lines (`[room] audit-lines` of
/// server.toml) the oldest go, and a line of the log says so.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship audit -r prod
  ship audit --verify
  ship audit --json | jq '.[] | select(.outcome == \"refused\")'")]
pub(crate) struct Args {
    /// How many of the last lines
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 50)]
    lines: usize,
    /// Look whether every line is the one that was written, and show the last hash
    ///
    /// Whoever writes the hash down elsewhere can see later that no line was cut off: the line with
    /// its number still has it.
    #[arg(long, conflicts_with_all = ["json", "lines"])]
    verify: bool,
    /// Every line as JSON
    #[arg(long)]
    json: bool,
}

/// Asks and shows.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    let client = context.control()?.connect().await?;
    let audit = client.audit().await?;
    if let Some(number) = audit.broken {
        // The lines are worth less, and still worth a look.
        context.ui.say(&format!(
            "warning: line {number} is not what was written, or does not follow the one before"
        ));
    }
    if args.json {
        return context.ui.json(&audit.entries);
    }
    if args.verify {
        return verify(context, &audit);
    }
    let skipped = audit.entries.len().saturating_sub(args.lines);
    let rows: Vec<Vec<String>> = audit.entries[skipped..].iter().map(row).collect();
    let lines = table::lines(&rows, &GIVE, context.ui.data_columns());
    lines.iter().try_for_each(|line| context.ui.data(line))
}

fn verify(context: &mut Context, audit: &Audit) -> Result<()> {
    if let Some(number) = audit.broken {
        return Err(CommandError::new(
            FaultKind::User,
            format!("the audit log was changed: line {number} does not fit"),
        )
        .hint(
            "somebody with root's rights wrote to ship.db; a backup has the lines as they were",
        ));
    }
    let Some(last) = audit.entries.last() else {
        return context.ui.data("nothing was changed yet");
    };
    let lines = count::plural(audit.entries.len(), "line");
    context.ui.data(&format!(
        "{lines}, unbroken; the last is {} {}",
        last.number, last.hash
    ))?;
    audit.gone.as_ref().map_or(Ok(()), |gone| {
        let AuditGone { number, hash } = gone;
        context.ui.data(&format!(
            "the log begins after line {number} {hash}: older lines have gone, to make room"
        ))
    })
}

const GIVE: [Give; 6] = [
    Give::Nothing,
    Give::Nothing,
    Give::Nothing,
    Give::Nothing,
    Give::Nothing,
    Give::First,
];

fn row(entry: &AuditEntry) -> Vec<String> {
    let app = entry.app.as_ref().map(ToString::to_string);
    vec![
        entry.number.to_string(),
        entry.at.to_string(),
        entry.who.clone(),
        entry.what.clone(),
        app.unwrap_or_default(),
        entry.outcome.clone(),
    ]
}
