//! `commands.md`: every command with its help.

use std::fmt::Write as _;

use clap::Command;

/// The page: an overview, then a section per command.
pub(crate) fn page() -> String {
    let mut root = ship::command().term_width(100);
    root.build();
    let mut page = "# Commands\n\nData goes to standard output, the story to standard error; exit \
                    codes are [here](exit-codes.md).\n\n| command | does |\n|---|---|\n"
        .to_owned();
    for command in visible(&root) {
        let name = command.get_name();
        let about = command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        let _ = writeln!(page, "| [`ship {name}`](#ship-{name}) | {about} |");
    }
    for command in visible(&root) {
        section(&mut page, command);
    }
    page
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    let commands = command.get_subcommands();
    commands.filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

fn section(page: &mut String, command: &Command) {
    // After `build`, a subcommand knows the names above it.
    let name = command
        .get_bin_name()
        .unwrap_or(command.get_name())
        .to_owned();
    let level = name.split(' ').count();
    let help = command.clone().render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(
        page,
        "\n{} {name}\n\n```text\n{}\n```\n",
        "#".repeat(level),
        lines.join("\n").trim()
    );
    for command in visible(command) {
        section(page, command);
    }
}
