//! What browsers are told, and what visitors see where the app does not answer.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::excerpt::Excerpt;
use crate::manifest::{self, Located};
use crate::plan::{Browsers, Pages};
use crate::project::Project;

/// Pages are read by the door with each change of its routes: a large one is none.
const LARGEST_PAGE: u64 = 256 << 10;

/// The author's pages, where they are there.
pub(super) fn pages(project: &Project, own: &manifest::Pages) -> Result<Pages> {
    let page = |page: &Option<Located<PathBuf>>| {
        page.as_ref()
            .map(|page| self::page(project, page))
            .transpose()
    };
    Ok(Pages {
        not_found: page(&own.not_found)?,
        unavailable: page(&own.unavailable)?,
        maintenance: page(&own.maintenance)?,
    })
}

fn page(project: &Project, page: &Located<PathBuf>) -> Result<PathBuf> {
    let shown = page.value.display();
    let wrong = |message: String, hint: &str| {
        let file = &page.place.file;
        let text = project.tree.text(file)?.unwrap_or_default();
        Err(Error::Manifest {
            excerpt: Box::new(Excerpt::of_line(file, &text, page.place.line)),
            message,
            hint: Some(hint.to_owned()),
        })
    };
    if !project.tree.has(&page.value) {
        let hint = "a path counts from the folder of ship.toml, and what `.gitignore` names is no part of a release";
        return wrong(format!("there is no `{shown}`"), hint);
    }
    let size = project
        .root
        .join(&page.value)
        .metadata()
        .map_or(0, |it| it.len());
    if size > LARGEST_PAGE {
        let hint = "pictures and styles belong beside it, below a static route";
        return wrong(format!("`{shown}` is larger than 256 kB"), hint);
    }
    Ok(page.value.clone())
}

/// Kinds of apps that are often shown inside other pages.
const FRAMED: [&str; 8] = [
    "bokeh",
    "dash",
    "gradio",
    "marimo",
    "panel",
    "shiny",
    "streamlit",
    "voila",
];

pub(super) fn browsers(own: &manifest::Browsers, framework: &str) -> Browsers {
    Browsers {
        headers: own.headers.unwrap_or(true),
        frames: own.frames.unwrap_or_else(|| FRAMED.contains(&framework)),
    }
}
