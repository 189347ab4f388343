//! `ship trust`: has the stores of this machine trust its own CA.

mod store;

use ship_base::fault::FaultKind;
use ship_base::file;
use ship_door::local_ca::LocalCa;

use crate::cli::Context;
use crate::error::{CommandError, Result};
use store::{Outcome, Store};

/// Have browsers trust `https://` names of this machine
///
/// The door speaks TLS on port 8443 (or the next free one) with certificates of a CA that is made on this machine and can sign nothing but names below `localhost`. This puts it
/// into the system's store and those of Chromium and Firefox, as far as this user may, and says what to do for the rest.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship trust
  ship trust --print > ship-ca.crt     # for a store of your own
  ship trust --remove")]
pub(crate) struct Args {
    /// Print the CA's certificate and change nothing
    #[arg(long)]
    print: bool,
    /// Take the CA out of the stores again
    #[arg(long, conflicts_with = "print")]
    remove: bool,
}

pub(crate) fn run(args: &Args, context: &mut Context) -> Result<()> {
    let folder = context.world.folders()?.door();
    let ca = LocalCa::open(&folder).map_err(|error| {
        CommandError::new(FaultKind::Outside, "cannot open the local CA").cause(error)
    })?;
    if args.print {
        return context.ui.data(ca.pem().trim_end());
    }
    let certificate = folder.join("local-ca.crt");
    file::write_whole(&certificate, ca.pem().as_bytes())?;
    let stores = store::of_this_machine(&context.world);
    let mut trusting = 0;
    for store in &stores {
        let outcome = if args.remove {
            store.remove()
        } else {
            store.add(&certificate)
        };
        trusting += usize::from(outcome == Outcome::Done);
        show(context, store, &outcome);
    }
    if trusting == 0 && !args.remove {
        let certificate = certificate.display();
        context.ui.say(&format!(
            "hint: the certificate is `{certificate}`; any browser can import it"
        ));
    }
    Ok(())
}

fn show(context: &mut Context, store: &Store, outcome: &Outcome) {
    let name = store.name();
    match outcome {
        Outcome::Done => context.ui.say(&format!("✓ {name}")),
        Outcome::NotPossible { why, instead } => {
            context.ui.say(&format!("! {name}: {why}"));
            context.ui.say(&format!("  hint: {instead}"));
        }
    }
}
