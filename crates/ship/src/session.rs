//! A person with a project: `ship up` from the first line to Ctrl-C.
//!
//! One loop owns everything and waits for whatever comes first: a signal, an event of the deploy,
//! a line of the app, a changed file, the next frame. Deploys come and go inside it (`--watch`),
//! and so may the control process: where it dies, it is started again and the app, which did not
//! notice, is held again within the time the server allows.

use std::future::pending;
use std::time::{Duration, Instant};

use ship_api::client::{self, Client, EventStream};
use ship_api::event::{AttachEvent, DeployEvent, LogLine};
use ship_api::problem::Problem;
use ship_api::request::{Stop, Up};
use ship_base::clock::Moment;
use ship_base::fault::FaultKind;
use ship_base::name::AppName;

use crate::control::Control;
use crate::error::{CommandError, Result};
use crate::log_view::LogView;
use crate::problem_view;
use crate::seen::Seen;
use crate::signals::Signals;
use crate::story::{FRAME, Live, Story, Told};
use crate::text::{DIM, styled};
use crate::ui::Ui;
use crate::watch::Watch;

/// How long a control process that died is waited for: the server stops apps that nobody holds for
/// 10 s.
const BACK: Duration = Duration::from_secs(10);

/// Everything that `ship up` holds while it runs.
pub(crate) struct Session<'a> {
    ui: &'a mut Ui,
    control: &'a Control,
    up: Up,
    client: Client,
    signals: Signals,
    story: Story,
    log: LogView,
    deploy: Option<EventStream<DeployEvent>>,
    attached: Option<EventStream<AttachEvent>>,
    watch: Option<Watch>,
    /// What visitors reach, as far as this session brought it there.
    live: Option<Live>,
    /// The deploy in hand has reached its `Live`.
    switched: bool,
    /// Something changed while a deploy was under way: once more after it.
    again: bool,
    /// Which lines of the log have been shown.
    seen: Seen,
}

/// What happened first.
enum Happened {
    Signal,
    Deploy(client::Result<Option<DeployEvent>>),
    Attached(client::Result<Option<AttachEvent>>),
    Changed(Result<()>),
    Frame,
}

/// How a session goes on.
enum Then {
    On,
    End,
}

impl<'a> Session<'a> {
    /// Asks the server, which must answer, for the first deploy.
    pub(crate) async fn begin(
        ui: &'a mut Ui,
        control: &'a Control,
        up: Up,
        watch: Option<Watch>,
        verbose: bool,
    ) -> Result<Self> {
        let signals = Signals::new()?;
        let client = control.connect().await?;
        let log = LogView::new(ui, false, false);
        let mut session = Self {
            ui,
            control,
            up,
            client,
            signals,
            story: Story::new(verbose),
            log,
            deploy: None,
            attached: None,
            watch,
            live: None,
            switched: false,
            again: false,
            seen: Seen::new(Moment::now()),
        };
        session.deploy().await?;
        Ok(session)
    }

    /// Goes on until the person, the app or a failure ends it. Gives what is live.
    pub(crate) async fn run(mut self) -> Result<Option<Live>> {
        loop {
            let then = match self.next().await {
                Happened::Signal => return self.leave().await,
                Happened::Frame => {
                    self.story.draw(self.ui);
                    Then::On
                }
                Happened::Deploy(event) => self.deploying(event).await?,
                Happened::Attached(event) => self.attached(event).await?,
                Happened::Changed(changed) => {
                    changed?;
                    self.changed().await?
                }
            };
            if matches!(then, Then::End) {
                return Ok(self.live);
            }
        }
    }

    /// A signal comes before everything else; a full log must not keep Ctrl-C waiting.
    async fn next(&mut self) -> Happened {
        let deploying = self.deploy.is_some();
        tokio::select! {
            biased;
            () = self.signals.next() => Happened::Signal,
            event = next(&mut self.deploy) => Happened::Deploy(event),
            changed = changed(&mut self.watch) => Happened::Changed(changed),
            event = next(&mut self.attached) => Happened::Attached(event),
            () = tokio::time::sleep(FRAME), if deploying => Happened::Frame,
        }
    }

    async fn deploy(&mut self) -> client::Result<()> {
        self.switched = false;
        self.again = false;
        self.deploy = Some(self.client.up(&self.up).await?);
        Ok(())
    }

    async fn changed(&mut self) -> Result<Then> {
        if self.deploy.is_some() {
            self.again = true;
            return Ok(Then::On);
        }
        self.ui.say(&styled(DIM, "  changed"));
        self.deploy_again().await
    }

    /// A further deploy of a session under watch; the server may have gone since the last.
    async fn deploy_again(&mut self) -> Result<Then> {
        match self.deploy().await {
            Err(error) if error.is_gone() => {
                self.come_back().await?;
                self.deploy().await?;
            }
            asked => asked?,
        }
        Ok(Then::On)
    }

    async fn deploying(&mut self, event: client::Result<Option<DeployEvent>>) -> Result<Then> {
        match event {
            Ok(Some(event)) => match self.story.tell(self.ui, event) {
                Told::More => Ok(Then::On),
                Told::Live(live) => self.went_live(live).await,
                Told::Failed(problem) => self.failed(*problem).await,
                Told::Finished => self.finished().await,
            },
            Ok(None) => self.finished().await,
            Err(error) => self.broke(error).await,
        }
    }

    async fn went_live(&mut self, live: Live) -> Result<Then> {
        self.switched = true;
        self.live = Some(live);
        if self.attached.is_none() {
            self.hold().await?;
        }
        Ok(Then::On)
    }

    /// Under watch a failure is news; without, it is the end.
    async fn failed(&mut self, problem: Problem) -> Result<Then> {
        self.deploy = None;
        if self.watch.is_none() {
            return Err(problem.into());
        }
        self.ui.say(&problem_view::render(&problem));
        if self.again {
            return self.deploy_again().await;
        }
        self.ui.say(&styled(DIM, "  waiting for a change"));
        Ok(Then::On)
    }

    async fn finished(&mut self) -> Result<Then> {
        self.deploy = None;
        if self.again {
            return self.deploy_again().await;
        }
        let stays = self.watch.is_some() || self.attached.is_some();
        Ok(if stays { Then::On } else { Then::End })
    }

    /// The control process died in the middle of a deploy.
    async fn broke(&mut self, error: client::Error) -> Result<Then> {
        self.deploy = None;
        if !error.is_broken() {
            return Err(error.into());
        }
        self.story.give_up(self.ui);
        self.come_back().await?;
        if self.switched {
            return self.finished().await;
        }
        let problem = Problem {
            still: self.still().await,
            hints: vec!["`ship up` again: nothing half made is left".to_owned()],
            ..Problem::new(
                FaultKind::Outside,
                "the control process ended during the deploy",
            )
        };
        self.failed(problem).await
    }

    async fn attached(&mut self, event: client::Result<Option<AttachEvent>>) -> Result<Then> {
        match event {
            Ok(Some(AttachEvent::Held)) => Ok(Then::On),
            Ok(Some(AttachEvent::Line(line))) => {
                self.show(&line)?;
                Ok(Then::On)
            }
            Ok(None) => self.let_go().await,
            Err(error) if error.is_broken() => {
                self.come_back().await?;
                Ok(Then::On)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The server ended the stream: the app was stopped by somebody else, or the server itself
    /// ended and left the app running.
    async fn let_go(&mut self) -> Result<Then> {
        self.attached = None;
        let Some(app) = self.app() else {
            return Ok(Then::End);
        };
        let still_runs = match self.client.app(&app).await {
            Ok(app) => app.running,
            Err(error) => error.is_gone(),
        };
        if still_runs {
            self.come_back().await?;
            return Ok(Then::On);
        }
        self.ui.say(&format!("  `{app}` was stopped"));
        Ok(Then::End)
    }

    /// Finds or starts the control process, and holds the app again. One that is about to end
    /// may still answer the first question.
    async fn come_back(&mut self) -> Result<()> {
        let deadline = Instant::now() + BACK;
        self.attached = None;
        loop {
            self.client = self.control.connect().await?;
            match self.hold().await {
                Err(error) if error.is_gone() && Instant::now() < deadline => {
                    tokio::time::sleep(FRAME).await;
                }
                held => break held?,
            }
        }
        let said = "  the control process had ended and was started again";
        self.ui.say(&styled(DIM, said));
        Ok(())
    }

    /// Holds the app, if there is one to hold.
    async fn hold(&mut self) -> client::Result<()> {
        self.seen.again();
        if let Some(app) = self
            .app()
            .filter(|_| self.live.is_some() && !self.up.detach)
        {
            self.attached = Some(self.client.attach(&app, Some(self.seen.until())).await?);
        }
        Ok(())
    }

    fn show(&mut self, line: &LogLine) -> Result<()> {
        if self.seen.is_fresh(line) {
            self.log.show(self.ui, line)?;
        }
        Ok(())
    }

    fn app(&self) -> Option<AppName> {
        self.story.app().or(self.up.name.as_ref()).cloned()
    }

    /// What serves right now: `r1 still serves http://blog.localhost:8000`.
    async fn still(&self) -> Option<String> {
        let app = self.client.app(&self.app()?).await.ok()?;
        let (release, url) = (app.current?, app.url?);
        app.running.then(|| format!("{release} still serves {url}"))
    }

    /// Ctrl-C: a deploy is cancelled, an app that is held is stopped, a detached one is left alone.
    async fn leave(mut self) -> Result<Option<Live>> {
        let cancelled = self.deploy.take().is_some() && !self.switched;
        if cancelled {
            self.story.give_up(self.ui);
        }
        if self.attached.is_some() {
            self.stop().await?;
            return Ok(self.live);
        }
        if cancelled {
            self.say_cancelled().await;
            return Err(CommandError::Interrupted);
        }
        Ok(self.live)
    }

    async fn say_cancelled(&mut self) {
        let said = match self.still().await {
            Some(still) => format!("  cancelled: {still}"),
            None => "  cancelled: nothing runs".to_owned(),
        };
        self.ui.say(&said);
    }

    /// Stops the app; a second Ctrl-C does not wait for what it has in hand.
    async fn stop(&mut self) -> Result<()> {
        let Some(app) = self.app() else {
            return Ok(());
        };
        if self.ui.is_live() {
            // The terminal shows a `^C` where the cursor was.
            self.ui.say("");
        }
        self.ui
            .say(&format!("  stopping `{app}` (Ctrl-C again: at once)"));
        self.client = self.control.connect().await?;
        let patient = Stop::default();
        let stopped = tokio::select! {
            stopped = self.client.stop(&app, &patient) => stopped,
            () = self.signals.next() => {
                let at_once = Stop { within: Some(Duration::ZERO) };
                self.client.stop(&app, &at_once).await
            }
        };
        stopped?;
        self.ui
            .say(&format!("  `{app}` is stopped; `ship up` brings it back"));
        Ok(())
    }
}

async fn next<T: serde::de::DeserializeOwned>(
    stream: &mut Option<EventStream<T>>,
) -> client::Result<Option<T>> {
    match stream {
        Some(stream) => stream.next().await,
        None => pending().await,
    }
}

async fn changed(watch: &mut Option<Watch>) -> Result<()> {
    match watch {
        Some(watch) => watch.changed().await,
        None => pending().await,
    }
}
