//! Sites that a generator builds: MkDocs, Hugo and the like. They become files of the release, which
//! the door serves.
//!
//! The generator works in a copy of the source that goes with the build: what it leaves beside its
//! pages (caches, locks, byte code) is no part of the release.

use std::path::{Path, PathBuf};

use ship_base::count;
use ship_base::file;
use ship_project::plan::{AssetStep, Note, Plan, Site, SiteBuild};

use crate::assets::{run_step, tool};
use crate::error::Error;
use crate::event::Phase;
use crate::runtime::{Runtime, work_path};
use crate::shop::Shop;
use crate::source::copy_tree;

/// The folder of the built site within a release.
pub(crate) const SITE: &str = "assets/site";

/// The sites of a plan.
pub(crate) fn sites(plan: &Plan) -> impl Iterator<Item = &Site> {
    plan.assets.iter().filter_map(|step| match &step.value {
        AssetStep::Site(site) => Some(site),
        _ => None,
    })
}

/// Builds the site of a plan into the release, if it has one.
pub(crate) fn build(
    shop: &mut Shop<'_>,
    plan: &Plan,
    runtime: &Runtime,
    source: &Path,
) -> Result<(), Error> {
    let Some(site) = sites(plan).next() else {
        return Ok(());
    };
    shop.phase(Phase::Assets, |shop| {
        let scratch = Scratch::of(source, shop)?;
        let output = shop.request().into.join(SITE);
        scratch.build(shop, site, plan, runtime, &output)?;
        let pages = count_pages(&output)?;
        if !output.join("index.html").is_file() {
            shop.report().note(no_front_page(site, pages));
        }
        Ok(((), count::plural(pages, "page")))
    })
}

/// Where the generator works.
struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    fn of(source: &Path, shop: &Shop<'_>) -> Result<Self, Error> {
        let folder = shop.request().into.join("site");
        let scratch = Self { folder };
        copy_tree(source, &scratch.work(), shop.cancel())?;
        Ok(scratch)
    }

    fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    fn build(
        &self,
        shop: &mut Shop<'_>,
        site: &Site,
        plan: &Plan,
        runtime: &Runtime,
        output: &Path,
    ) -> Result<(), Error> {
        let cache = self.folder.join("cache");
        file::create_folder(&cache)?;
        let is_single = |name: &str| !name.starts_with('*');
        let domain = plan.domains.iter().find(|it| is_single(&it.value));
        let address = domain.map(|domain| format!("https://{}", domain.value));
        let argv = site.argv(&SiteBuild {
            output,
            cache: &cache,
            address: address.as_deref(),
        });
        let folder = work_path(&self.work(), &site.folder);
        // The parent alone: some generators refuse a folder that is there already.
        let above = output.parent().unwrap_or(output);
        file::create_folder(above)?;
        let tool = tool(shop.request(), argv, runtime, &folder)
            .writes_to(&self.folder)
            .writes_to(above);
        run_step(shop, tool, &site.summary())?;
        if let Some(written) = &site.writes_to {
            file::rename_synced(&folder.join(written), output)?;
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The draft around it goes or becomes a release; in that a leftover would do no harm.
        let _ = file::remove_folder(&self.folder);
    }
}

fn no_front_page(site: &Site, pages: usize) -> Note {
    let label = site.generator.label();
    Note {
        text: format!(
            "{label} made {} and no `index.html`: `/` has nothing to show",
            count::plural(pages, "page")
        ),
        hint: None,
        place: None,
    }
}

fn count_pages(folder: &Path) -> Result<usize, Error> {
    let mut pages = 0;
    for entry in file::entries_if_there(folder)? {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            pages += count_pages(&path)?;
        } else if path.extension().is_some_and(|ending| ending == "html") {
            pages += 1;
        }
    }
    Ok(pages)
}
