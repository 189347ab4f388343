//! What every step of a build has at hand: the request, uv once it is needed, and somebody to tell.

use ship_base::paths::Folders;

use crate::build::Request;
use crate::cancel::Cancel;
use crate::error::Error;
use crate::event::{Event, Phase};
use crate::remedy::{self, Remedy};
use crate::report::Report;
use crate::tool::{Finished, Tool};
use crate::uv::{self, Uv, Variables};

/// The workshop of one build.
pub(crate) struct Shop<'a> {
    request: &'a Request<'a>,
    events: &'a mut dyn FnMut(Event),
    uv: Option<Uv>,
    /// In which ways this build differs from an ordinary one.
    tried: Vec<Remedy>,
}

impl<'a> Shop<'a> {
    pub(crate) fn new(request: &'a Request<'a>, events: &'a mut dyn FnMut(Event)) -> Self {
        Self {
            request,
            events,
            uv: None,
            tried: request.remedies.to_vec(),
        }
    }

    pub(crate) fn request(&self) -> &'a Request<'a> {
        self.request
    }

    pub(crate) fn folders(&self) -> &'a Folders {
        self.request.folders
    }

    pub(crate) fn tools(&self) -> &'a Variables {
        self.request.tools
    }

    /// The same, for tools that choose or build the project's packages.
    pub(crate) fn dated_tools(&self) -> Variables {
        let mut tools = self.tools().clone();
        if let Some(day) = self.day() {
            tools.insert(remedy::DAY.to_owned(), day.to_owned().into());
        }
        tools
    }

    /// Builds in this way from now on.
    pub(crate) fn take(&mut self, remedy: Remedy) {
        self.tried.push(remedy);
    }

    pub(crate) fn tried(&self) -> &[Remedy] {
        &self.tried
    }

    /// The day whose packages are taken, where it is not today.
    pub(crate) fn day(&self) -> Option<&str> {
        self.tried.iter().find_map(|remedy| match remedy {
            Remedy::Day(day) => Some(day.as_str()),
            Remedy::Setuptools | Remedy::Python(_) => None,
        })
    }

    /// The newest minor version of Python that may be used.
    pub(crate) fn newest_python(&self) -> Option<(u32, u32)> {
        self.tried.iter().filter_map(Remedy::newest_python).min()
    }

    /// Requirements beside the project's own.
    pub(crate) fn requirements(&self) -> impl Iterator<Item = &'static str> {
        self.tried.iter().filter_map(Remedy::requirement)
    }

    pub(crate) fn cancel(&self) -> &'a Cancel {
        self.request.cancel
    }

    pub(crate) fn report(&mut self) -> Report<'_> {
        Report::to(self.events)
    }

    /// uv; looked for only now, because a build with nothing new needs none.
    pub(crate) fn uv(&mut self) -> Result<Uv, Error> {
        if self.uv.is_none() {
            let (tools, folders, cancel) = (self.tools(), self.folders(), self.cancel());
            self.uv = Some(uv::find_or_fetch(tools, folders, cancel, self.events)?);
        }
        Ok(self.uv.clone().expect("it was found the line before"))
    }

    /// The version of uv, when this build had need of it.
    pub(crate) fn uv_version(&self) -> Option<String> {
        self.uv.as_ref().map(|uv| uv.version.clone())
    }

    /// Runs a tool, its lines told as output of `phase`.
    pub(crate) fn run(&mut self, phase: Phase, tool: Tool) -> Result<Finished, Error> {
        let cancel = self.cancel();
        let mut report = self.report();
        tool.run(cancel, &mut |line| report.line(phase, line))
    }

    /// Runs `work` between the beginning and the end of a phase; it also gives the detail to show.
    /// A phase that fails has no end: the error is its end.
    pub(crate) fn phase<T>(
        &mut self,
        phase: Phase,
        work: impl FnOnce(&mut Self) -> Result<(T, String), Error>,
    ) -> Result<T, Error> {
        self.cancel().check()?;
        let begun = self.report().begin(phase);
        let (result, detail) = work(self)?;
        self.report().done(phase, begun, detail);
        Ok(result)
    }
}
