//! `st.secrets` of Streamlit: read from a file that most keep out of their repository, and ignore files
//! out of releases. <https://docs.streamlit.io/develop/concepts/connections/secrets-management>

use crate::plan::Note;
use crate::project::Project;
use crate::python::expr::Expr;
use crate::python::index::View;

/// Where Streamlit looks in the project.
const FILE: &str = ".streamlit/secrets.toml";

/// The first line that reads a secret.
pub(crate) fn note(project: &Project) -> Option<Note> {
    let mut modules = project.index.own_modules_with(&["secrets"]);
    let (name, place) = modules.find_map(|module| {
        let view = View::of(module);
        module.items.iter().find_map(|(item, line)| {
            let Expr::Item(of, name) = item else {
                return None;
            };
            let is_secrets =
                project.index.outside(&view, of).as_deref() == Some("streamlit.secrets");
            let name = name.text().filter(|_| is_secrets)?;
            Some((name.to_owned(), module.place(*line)))
        })
    })?;
    Some(Note {
        text: format!("`st.secrets[\"{name}\"]` reads `{FILE}`, which is seldom in a repository"),
        hint: Some(format!(
            "where an ignore file names it, `echo '!{FILE}' >> .shipignore` takes it along; or read `os.environ[\"{name}\"]`, and `ship env set {name}=…`"
        )),
        place: Some(place),
    })
}
