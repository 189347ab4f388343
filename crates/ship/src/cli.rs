//! The commands, and what a command has at hand.

use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{CommandFactory as _, Parser, Subcommand};
use ship_base::fault::FaultKind;

use crate::commands::{
    api, audit, cache, check, completions, deploy, destroy, dial, doctor, env, git, init, key,
    logs, maintenance, plan, promote, ps, releases, remote, restart, rollback, run, scale, server,
    stop, trust, up,
};
use crate::control::Control;
use crate::error::{CommandError, Result};
use crate::exit;
use crate::problem_view;
use crate::remotes::Remotes;
use crate::ui::Ui;
use crate::world::World;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Ships Python web projects: `ship up` runs the one in this folder
#[derive(Debug, Parser)]
#[command(
    name = "ship",
    version,
    styles = STYLES,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = "Example:\n  cd my-project && ship up\n\n`ship COMMAND --help` has an example for each command."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Ask this server, in place of this machine's
    ///
    /// A name given with `ship remote`, or what ssh calls the machine.
    #[arg(short, long, value_name = "REMOTE", global = true)]
    remote: Option<String>,
}

/// One per file of `commands/`.
#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Args),
    Deploy(deploy::Args),
    Plan(plan::Args),
    Check(check::Args),
    Init(init::Args),
    Ps(ps::Args),
    Logs(logs::Args),
    Releases(releases::Args),
    Promote(promote::Args),
    Rollback(rollback::Args),
    Run(run::Args),
    Env(env::Args),
    Restart(restart::Args),
    Scale(scale::Args),
    Cache(cache::Args),
    Maintenance(maintenance::Args),
    Stop(stop::Args),
    Destroy(destroy::Args),
    Trust(trust::Args),
    Doctor(doctor::Args),
    Remote(remote::Args),
    Key(key::Args),
    Audit(audit::Args),
    Api(api::Args),
    Server(server::Args),
    Dial(dial::Args),
    Git(git::Args),
    Completions(completions::Args),
}

impl Command {
    /// Whether it can be asked of a server far away.
    fn goes_far(&self) -> bool {
        match self {
            Self::Deploy(_)
            | Self::Ps(_)
            | Self::Logs(_)
            | Self::Maintenance(_)
            | Self::Releases(_)
            | Self::Promote(_)
            | Self::Rollback(_)
            | Self::Env(_)
            | Self::Restart(_)
            | Self::Scale(_)
            | Self::Cache(_)
            | Self::Stop(_)
            | Self::Destroy(_)
            | Self::Key(_)
            | Self::Audit(_) => true,
            Self::Server(args) => args.goes_far(),
            Self::Up(_)
            | Self::Plan(_)
            | Self::Check(_)
            | Self::Init(_)
            | Self::Run(_)
            | Self::Trust(_)
            | Self::Doctor(_)
            | Self::Api(_)
            | Self::Remote(_)
            | Self::Dial(_)
            | Self::Git(_)
            | Self::Completions(_) => false,
        }
    }
}

/// What every command has at hand.
pub(crate) struct Context {
    pub(crate) world: World,
    pub(crate) ui: Ui,
    /// The server far away that is asked, where one is.
    pub(crate) remote: Option<String>,
}

/// The parser, for help, completions and the reference page.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses, runs, and decides the exit code: the one place that does.
pub(crate) fn run(world: World) -> ExitCode {
    let cli = match Cli::try_parse_from(world.arguments()) {
        Ok(cli) => cli,
        Err(usage) => return not_parsed(&usage),
    };
    let dumb = world.variable("TERM").is_some_and(|term| term == "dumb");
    let mut context = Context {
        world,
        ui: Ui::of_process(dumb),
        remote: None,
    };
    let result = remote(&cli, &context.world).and_then(|remote| {
        context.remote = remote;
        dispatch(cli.command, &mut context)
    });
    ExitCode::from(code(&mut context.ui, result))
}

/// `-r`, else `SHIP_REMOTE`; the latter says nothing to commands that are about this machine.
fn remote(cli: &Cli, world: &World) -> Result<Option<String>> {
    if cli.command.goes_far() {
        let usual = world.variable("SHIP_REMOTE");
        let usual = usual.and_then(|name| name.into_string().ok());
        return Ok(cli.remote.clone().or(usual).filter(|name| !name.is_empty()));
    }
    match &cli.remote {
        None => Ok(None),
        Some(_) => Err(CommandError::new(
            FaultKind::Usage,
            "this command is about this machine: it takes no `--remote`",
        )
        .hint("`ssh HOST ship …` runs it there")),
    }
}

/// Help and version go to standard output with 0, mistakes to standard error with 2.
fn not_parsed(usage: &clap::Error) -> ExitCode {
    // Nobody reading it is no reason for another code.
    let _ = usage.print();
    ExitCode::from(if usage.use_stderr() {
        exit::USAGE
    } else {
        exit::OK
    })
}

fn code(ui: &mut Ui, result: Result<u8>) -> u8 {
    match result {
        Ok(code) => code,
        Err(CommandError::NobodyReads) => exit::OK,
        Err(CommandError::Interrupted) => exit::INTERRUPTED,
        Err(CommandError::Failed(problem)) => {
            ui.say(&problem_view::render(&problem));
            exit::of(problem.kind)
        }
    }
}

fn dispatch(command: Command, context: &mut Context) -> Result<u8> {
    match command {
        Command::Up(args) => done(wait(up::run(args, context))),
        Command::Deploy(args) => done(wait(deploy::run(args, context))),
        Command::Remote(args) => done(remote::run(args, context)),
        Command::Key(args) => done(wait(key::run(args, context))),
        Command::Audit(args) => done(wait(audit::run(args, context))),
        Command::Api(args) => done(api::run(&args, context)),
        Command::Dial(args) => done(dial::run(args, context)),
        Command::Git(args) => done(git::run(args, context)),
        Command::Plan(args) => done(plan::run(&args, context)),
        Command::Check(args) => check::run(&args, context),
        Command::Init(args) => done(init::run(&args, context)),
        Command::Ps(args) => done(wait(ps::run(args, context))),
        Command::Logs(args) => done(wait(logs::run(args, context))),
        Command::Maintenance(args) => done(wait(maintenance::run(args, context))),
        Command::Releases(args) => done(wait(releases::run(args, context))),
        Command::Promote(args) => done(wait(promote::run(args, context))),
        Command::Rollback(args) => done(wait(rollback::run(args, context))),
        Command::Run(args) => run::run(args, context),
        Command::Env(args) => done(wait(env::run(args, context))),
        Command::Restart(args) => done(wait(restart::run(args, context))),
        Command::Scale(args) => done(wait(scale::run(args, context))),
        Command::Cache(args) => done(wait(cache::run(args, context))),
        Command::Stop(args) => done(wait(stop::run(args, context))),
        Command::Destroy(args) => done(wait(destroy::run(args, context))),
        Command::Trust(args) => done(trust::run(&args, context)),
        Command::Doctor(args) => wait(doctor::run(args, context)),
        Command::Server(args) => wait(server::run(args, context)),
        Command::Completions(args) => done(completions::run(&args, context)),
    }
}

fn done(result: Result<()>) -> Result<u8> {
    result.map(|()| exit::OK)
}

/// Runs what waits for the server, files and signals: one thread is plenty.
pub(crate) fn wait<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            CommandError::new(FaultKind::Outside, "cannot wait for events").cause(error)
        })?
        .block_on(work)
}

impl Context {
    /// The server of this user, running or not; or the one far away that was named.
    pub(crate) fn control(&self) -> Result<Control> {
        let far = self.remote.as_ref().map(|name| {
            let remotes = Remotes::read(&self.world)?;
            remotes.dial(&self.world, name)
        });
        Control::new(&self.world, far.transpose()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parser_is_sound_and_every_command_has_an_example() {
        command().debug_assert();
        for command in command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string);
            let name = command.get_name();
            assert!(help.is_some_and(|help| help.contains("Example")), "{name}");
            assert!(command.get_about().is_some(), "{name}");
        }
    }

    #[test]
    fn commands_that_read_speak_json() {
        let readers = ["plan", "check", "ps", "logs", "releases", "doctor", "audit"];
        for name in readers {
            let command = command();
            let command = command.find_subcommand(name).unwrap();
            assert!(
                command.get_arguments().any(|arg| arg.get_id() == "json"),
                "{name}"
            );
        }
    }

    #[test]
    fn the_front_page_lists_what_there_is() {
        let help = command().term_width(80).render_help().to_string();
        insta::assert_snapshot!(help, @"
        Ships Python web projects: `ship up` runs the one in this folder

        Usage: ship [OPTIONS] <COMMAND>

        Commands:
          up           Build the project in a folder and run it
          deploy       Deploy the project in a folder to a server
          plan         Show what `ship up` would do, and why
          check        Look for what would stop or endanger the project in production
          init         Write `ship.toml` from the plan, with the reason of each decision
          ps           Show every app with its instances and jobs
          logs         Show what an app wrote
          releases     List an app's releases, newest first
          promote      Take a release that was tried to another app, as it is
          rollback     Go back to the release before, or to a certain one
          run          Run a program once, in the environment of a release
          env          Show and change the settings (environment variables) of an app
          restart      Replace the instances of the live release by new ones
          scale        Change how many instances of a process run
          cache        Forget answers that the front door keeps
          maintenance  Show visitors a page in the app's place, while it runs on
          stop         Stop an app; its releases, settings, logs and data stay
          destroy      Remove an app: its releases, settings, logs and its data
          trust        Have browsers trust `https://` names of this machine
          doctor       Look whether this machine has what is needed
          remote       Name the servers that you deploy to
          key          Let a key of ssh do some things with some apps, and nothing else
          audit        Show who changed what, and when
          api          Print what the server's API takes and answers, as OpenAPI 3.1
          server       Run, stop or look at the server that keeps your apps
          dial         Join standard input and output to the server of this machine
          git          Take a `git push` as a deploy
          completions  Print the completions for a shell

        Options:
          -r, --remote <REMOTE>  Ask this server, in place of this machine's
          -h, --help             Print help (see more with '--help')
          -V, --version          Print version

        Example:
          cd my-project && ship up

        `ship COMMAND --help` has an example for each command.
        ");
    }
}
