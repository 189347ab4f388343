//! The story, in order. A step is a file: what it claims stands in its first lines.

use super::step::Step;

mod boot;
mod deploy;
mod install;
mod kill;
mod limits;
mod power;
mod redeploy;
mod uninstall;
mod upgrade;

pub(super) use boot::boot;

/// What is done after the server is there.
pub(super) const STEPS: &[Step] = &[
    Step {
        name: "install",
        about: "`ship server install` makes it a server, and may be repeated",
        carries: true,
        run: install::run,
    },
    Step {
        name: "deploy",
        about: "the example, a Flask app and a FastAPI app are deployed and answer",
        carries: true,
        run: deploy::run,
    },
    Step {
        name: "redeploy",
        about: "new releases, a rollback and a deploy that fails, under load: no request fails",
        carries: false,
        run: redeploy::run,
    },
    Step {
        name: "limits",
        about: "memory, processor and tasks of an app are held by the kernel; other apps do not notice",
        carries: false,
        run: limits::run,
    },
    Step {
        name: "control",
        about: "kill -9 of control: nobody notices, and the next one finds everything",
        carries: false,
        run: kill::control,
    },
    Step {
        name: "door",
        about: "kill -9 of the front door: only what was in its hands is lost",
        carries: false,
        run: kill::door,
    },
    Step {
        name: "both",
        about: "kill -9 of control and front door at once: only what was in the door's hands is lost",
        carries: false,
        run: kill::both,
    },
    Step {
        name: "keeper",
        about: "kill -9 of a keeper: its instance comes back with another, other apps do not notice",
        carries: false,
        run: kill::keeper,
    },
    Step {
        name: "program",
        about: "kill -9 of an app's program: its keeper starts it again, other apps do not notice",
        carries: false,
        run: kill::program,
    },
    Step {
        name: "power-idle",
        about: "a power cut while nothing happens: everything comes back by itself, with its data",
        carries: false,
        run: power::idle,
    },
    Step {
        name: "power-build",
        about: "a power cut while a release is built: the old one serves, the next deploy works",
        carries: false,
        run: power::build,
    },
    Step {
        name: "power-start",
        about: "a power cut while a release starts: the old one serves, the next deploy works",
        carries: false,
        run: power::start,
    },
    Step {
        name: "power-live",
        about: "a power cut when a release is told to be live: it is what serves",
        carries: false,
        run: power::live,
    },
    Step {
        name: "upgrade",
        about: "`ship server upgrade` under load: control and door are the new program, no request fails",
        carries: false,
        run: upgrade::run,
    },
    Step {
        name: "uninstall",
        about: "`ship server uninstall` leaves apps and data, `--purge` leaves nothing",
        carries: false,
        run: uninstall::run,
    },
];

/// Their names, for the command line.
pub(super) fn names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_steps_have_one_name() {
        let mut sorted = names();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), STEPS.len());
    }
}
