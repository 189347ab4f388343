//! What each route is about, takes and answers. The matches have a line for every route: a new one
//! does not compile without.

use schemars::{Schema, SchemaGenerator};

use crate::event::{AttachEvent, DeployEvent, LogLine};
use crate::reply::{App, Audit, EnvEntry, Key, Missing, OneOff, Purged, Release, ServerStatus};
use crate::request::{
    AddKey, ChangeEnv, CreateApp, Deploy, Maintain, Promote, Purge, RemoveKey, RestartApp,
    Rollback, RunIn, Scale, Stop, Up,
};
use crate::route::{Route, Verb};
use crate::source::Source;

/// The schema of a body, asked of its type.
pub(super) type Of = fn(&mut SchemaGenerator) -> Schema;

/// One route, for people and programs.
pub(super) struct Said {
    pub(super) about: &'static str,
    pub(super) takes: Takes,
    pub(super) answers: Answers,
}

/// What a route takes.
pub(super) enum Takes {
    Nothing,
    /// These fields of [`Logs`](crate::request::Logs) as query.
    Query(&'static [&'static str]),
    Json(Of),
    /// The body may be left out: all it says has a default.
    JsonOrNothing(Of),
    /// A [`Batch`](crate::source::Batch).
    Pieces,
}

/// What it answers when all goes well.
pub(super) enum Answers {
    Nothing,
    One(Of),
    /// A stream, one a line.
    Lines(Of),
    /// All of this.
    Description,
}

/// Says it.
macro_rules! said {
    ($about:literal, $takes:expr, $answers:expr) => {
        Said {
            about: $about,
            takes: $takes,
            answers: $answers,
        }
    };
}

/// The schema of a type.
macro_rules! of {
    ($type:ty) => {
        SchemaGenerator::subschema_for::<$type>
    };
}

/// Whole queries.
const LOGS: &[&str] = &[
    "access", "follow", "process", "release", "since", "grep", "tail",
];

/// A route that is not about one app.
pub(super) fn of_whole(route: &Route) -> Said {
    use Answers::{Description, Nothing as Done, One};
    use Takes::{Json, JsonOrNothing, Nothing};
    let deploys = || Answers::Lines(of!(DeployEvent));
    match route {
        Route::Status => said!("The server itself", Nothing, One(of!(ServerStatus))),
        Route::StopServer => said!(
            "Stops every app, the front door and the server",
            JsonOrNothing(of!(Stop)),
            Done
        ),
        Route::Apps => said!("Every app, sorted by name", Nothing, One(of!(Vec<App>))),
        Route::CreateApp => said!(
            "Makes an app that is there before its first deploy",
            Json(of!(CreateApp)),
            Done
        ),
        Route::Up => said!(
            "Builds the project in a folder of the server's machine and brings it live",
            Json(of!(Up)),
            deploys()
        ),
        Route::Keys => said!(
            "Every deploy key, sorted by name",
            Nothing,
            One(of!(Vec<Key>))
        ),
        Route::AddKey => said!("Says what a deploy key may", Json(of!(AddKey)), Done),
        Route::RemoveKey => said!(
            "Takes everything from a deploy key",
            Json(of!(RemoveKey)),
            Done
        ),
        Route::Audit => said!("What was changed, by whom", Nothing, One(of!(Audit))),
        Route::Description => said!("This description", Nothing, Description),
        Route::Of(_, verb) => of_verb(*verb),
    }
}

/// What can be asked of one app.
pub(super) fn of_verb(verb: Verb) -> Said {
    use Answers::{Lines, Nothing as Done, One};
    use Takes::{Json, JsonOrNothing, Nothing, Pieces, Query};
    let deploys = || Answers::Lines(of!(DeployEvent));
    match verb {
        Verb::Show => said!(
            "The app with its instances and jobs",
            Nothing,
            One(of!(App))
        ),
        Verb::Destroy => said!(
            "Removes the app: its releases, settings, logs and data",
            JsonOrNothing(of!(Stop)),
            Done
        ),
        Verb::Releases => said!(
            "Its releases, newest first",
            Nothing,
            One(of!(Vec<Release>))
        ),
        Verb::Env => said!(
            "Its settings, sorted by name",
            Nothing,
            One(of!(Vec<EnvEntry>))
        ),
        Verb::ChangeEnv => said!("Sets and unsets settings", Json(of!(ChangeEnv)), Done),
        Verb::Offer => said!(
            "Offers a project by its list; answers which content is missing",
            Json(of!(Source)),
            One(of!(Missing))
        ),
        Verb::Send => said!("Content that was missing", Pieces, Done),
        Verb::Deploy => said!(
            "Builds what was sent and brings it live",
            Json(of!(Deploy)),
            deploys()
        ),
        Verb::Logs => said!("What the app wrote", Query(LOGS), Lines(of!(LogLine))),
        Verb::Attach => said!(
            "What the app writes from now on; one that is not detached stops when the caller goes",
            Query(&["since"]),
            Lines(of!(AttachEvent))
        ),
        Verb::Maintain => said!(
            "Shows visitors a page in the app's place, or the app again",
            Json(of!(Maintain)),
            Done
        ),
        Verb::Purge => said!(
            "Forgets answers that the front door keeps",
            Json(of!(Purge)),
            One(of!(Purged))
        ),
        Verb::Promote => said!(
            "Brings a release of another app over to this one, and that live",
            Json(of!(Promote)),
            deploys()
        ),
        Verb::Rollback => said!(
            "Brings an older release live",
            Json(of!(Rollback)),
            deploys()
        ),
        Verb::Restart => said!(
            "Replaces the instances of the live release",
            Json(of!(RestartApp)),
            deploys()
        ),
        Verb::Scale => said!(
            "Changes how many instances of a process run",
            Json(of!(Scale)),
            deploys()
        ),
        Verb::Stop => said!(
            "Stops the app; what is its stays",
            JsonOrNothing(of!(Stop)),
            Done
        ),
        Verb::Run => said!(
            "What a one-off command needs: folder and environment of a release",
            Json(of!(RunIn)),
            One(of!(OneOff))
        ),
    }
}
