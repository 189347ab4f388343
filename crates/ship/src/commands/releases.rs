//! `ship releases`: what was built, and what can be gone back to.

use ship_api::reply::Release;
use ship_base::count;

use crate::cli::Context;
use crate::error::Result;
use crate::table::{self, Give};
use crate::target::Target;

/// List an app's releases, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  ship releases --app blog")]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// A list of releases as JSON
    #[arg(long)]
    json: bool,
}

/// Asks and shows.
pub(crate) async fn run(args: Args, context: &mut Context) -> Result<()> {
    let client = context.control()?.connect().await?;
    let app = args.target.resolve(&context.world, &client).await?;
    let releases = client.releases(&app).await?;
    if args.json {
        return context.ui.json(&releases);
    }
    if releases.is_empty() {
        context
            .ui
            .say(&format!("`{app}` has no release yet: `ship up` makes one"));
    }
    let rows: Vec<Vec<String>> = releases.iter().map(row).collect();
    let lines = table::lines(&rows, &GIVE, context.ui.data_columns());
    lines.iter().try_for_each(|line| context.ui.data(line))
}

const GIVE: [Give; 5] = [
    Give::Nothing,
    Give::Nothing,
    Give::Nothing,
    Give::First,
    Give::Later,
];

fn row(release: &Release) -> Vec<String> {
    let mark = if release.kept {
        release.mark.clone()
    } else {
        "removed".to_owned()
    };
    vec![
        release.id.to_string(),
        mark,
        format!("{} ago", count::duration(release.built.elapsed())),
        release.by.clone(),
        release.summary.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ship_base::clock::Moment;
    use std::time::Duration;

    #[test]
    fn releases_tell_which_is_live_and_which_are_gone() {
        let release = |number: u32, mark: &str, kept| Release {
            id: ship_base::name::ReleaseId::new(number),
            content: "ab12".into(),
            built: Moment::now().before(Duration::from_secs(u64::from(10 - number) * 3_605)),
            by: "ana".into(),
            environment: None,
            mark: mark.into(),
            summary: "Django 5.2 · Python 3.12".into(),
            kept,
        };
        let releases = [
            release(9, "live", true),
            release(8, "previous", true),
            release(1, "", false),
        ];
        let rows: Vec<_> = releases.iter().map(row).collect();
        insta::assert_snapshot!(table::lines(&rows, &GIVE, None).join("\n"), @"
        r9  live      1 h 0 min ago  ana  Django 5.2 · Python 3.12
        r8  previous  2 h 0 min ago  ana  Django 5.2 · Python 3.12
        r1  removed   9 h 0 min ago  ana  Django 5.2 · Python 3.12
        ");
    }
}
