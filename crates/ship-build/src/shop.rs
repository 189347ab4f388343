//! What every step of a build has at hand: the request, uv once it is needed, and somebody to tell.

use std::path::{Path, PathBuf};

use ship_base::name::AppName;
use ship_base::paths::Folders;
use ship_project::plan::Note;

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

    /// The caller's own variables: for what looks around on this machine. What is run gets them
    /// from [`Shop::uv_tool`] and the like.
    pub(crate) fn callers(&self) -> &'a Variables {
        self.request.tools
    }

    /// Whose the environments and byte code of this build are. On a server each app has its own: its
    /// builder made them, and could have made them otherwise than their address says.
    pub(crate) fn owner(&self) -> Option<&'a AppName> {
        self.request.builder.map(|_| self.request.app)
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
            let (tools, folders, cancel) = (self.callers(), self.folders(), self.cancel());
            self.uv = Some(uv::find_or_fetch(tools, folders, cancel, self.events)?);
        }
        Ok(self.uv.clone().expect("it was found the line before"))
    }

    /// The version of uv, when this build had need of it.
    pub(crate) fn uv_version(&self) -> Option<String> {
        self.uv.as_ref().map(|uv| uv.version.clone())
    }

    /// A run of uv in `folder`.
    pub(crate) fn uv_tool(&mut self, folder: &Path) -> Result<Tool, Error> {
        let uv = self.uv()?;
        Ok(uv
            .tool(self.callers(), folder)
            .at_home(self.request.builder))
    }

    /// The same, for what chooses or builds the project's packages.
    pub(crate) fn dated_uv_tool(&mut self, folder: &Path) -> Result<Tool, Error> {
        let tool = self.uv_tool(folder)?;
        Ok(match self.day() {
            Some(day) => tool.env(remedy::DAY, day),
            None => tool,
        })
    }

    /// Runs a tool, as the builder where there is one, its lines told as output of `phase`.
    pub(crate) fn run(&mut self, phase: Phase, tool: Tool) -> Result<Finished, Error> {
        self.run_with_links(phase, tool, &[])
    }

    /// The same for a tool that makes links to `out`, which is elsewhere.
    pub(crate) fn run_with_links(
        &mut self,
        phase: Phase,
        tool: Tool,
        out: &[&Path],
    ) -> Result<Finished, Error> {
        let lent = tool.lent().to_vec();
        let tool = tool.by(self.request.builder);
        self.lending(&lent, out, |shop| shop.run_ourselves(phase, tool))
    }

    /// Runs a tool of ours on nothing of the project's.
    pub(crate) fn run_ourselves(&mut self, phase: Phase, tool: Tool) -> Result<Finished, Error> {
        let cancel = self.cancel();
        let mut report = self.report();
        tool.run(cancel, &mut |line| report.line(phase, line))
    }

    /// The same as [`Shop::run`], without showing its lines.
    pub(crate) fn run_silently(&mut self, tool: Tool) -> Result<Finished, Error> {
        let lent = tool.lent().to_vec();
        let tool = tool.by(self.request.builder);
        self.lending(&lent, &[], |shop| tool.run(shop.cancel(), &mut |_| {}))
    }

    /// Lends folders to the builder while `work` lasts, however it ends.
    pub(crate) fn lending<T>(
        &mut self,
        folders: &[PathBuf],
        out: &[&Path],
        work: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Some(builder) = self.request.builder else {
            return work(self);
        };
        let lent = builder.lend(folders);
        let result = lent.and_then(|()| work(self));
        let removed = builder.take_back(folders, out);
        let result = result?;
        for path in removed? {
            self.report().note(out_of_place(&path));
        }
        Ok(result)
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

fn out_of_place(path: &Path) -> Note {
    Note {
        text: format!(
            "`{}` was made by the build and is not kept: it leads out of its folder, or is no file",
            path.display()
        ),
        hint: None,
        place: None,
    }
}
