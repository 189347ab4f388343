//! `pyproject.toml`: the project's name, its packages (PEP 621 and tools' own tables), its Python, and
//! `[tool.fastapi]`.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, Result};
use crate::excerpt::{Excerpt, line_of};
use crate::files::conda::{self, Conda};
use crate::files::poetry::{self, Poetry};
use crate::files::requirements::{Requirement, requirement};
use crate::plan::Place;

/// What it says.
#[derive(Debug, Default)]
pub(crate) struct Pyproject {
    pub(crate) name: Option<(String, Place)>,
    /// `[project] dependencies`; empty also when there is no such table.
    pub(crate) dependencies: Vec<Requirement>,
    /// `dynamic = ["dependencies"]`: the build backend names them.
    pub(crate) dynamic_dependencies: bool,
    pub(crate) requires_python: Option<(String, Place)>,
    /// `[tool.fastapi] entrypoint = "module:app"`.
    pub(crate) fastapi_entrypoint: Option<(String, Place)>,
    /// `[tool.poetry]` with packages.
    pub(crate) poetry: Option<Poetry>,
    /// `[tool.pixi]`, where it names packages.
    pub(crate) pixi: Option<Conda>,
    /// `[project] dependencies` as they are written.
    pub(crate) lines: Vec<String>,
    /// There is a `[project]` table with `dependencies`.
    pub(crate) has_list: bool,
    /// Addresses of `[[tool.pdm.source]]`.
    pub(crate) indexes: Vec<String>,
    /// Names of `[project.optional-dependencies]` and `[dependency-groups]`, and where.
    pub(crate) extras: Vec<(String, Place)>,
    /// `[project.scripts]`: name, what it calls, and where.
    pub(crate) scripts: Vec<(String, String, Place)>,
}

/// Reads it; a mistake in its TOML is an error with its place.
pub(crate) fn parse(file: &Path, text: &str) -> Result<Pyproject> {
    let table = parse_toml(file, text)?;
    let reader = Reader { file, text };
    let project = table_at(&table, &["project"]);
    let get = |key| project.and_then(|project| find(project, key));
    let plain: toml::Table = text.parse().unwrap_or_default();
    let poetry = poetry::read(&plain);
    let poetry_name = table_at(&table, &["tool", "poetry"]).and_then(|t| find(t, "name"));
    let fastapi = table_at(&table, &["tool", "fastapi"]).and_then(|t| find(t, "entrypoint"));
    let dependencies = get("dependencies").map(|list| reader.requirements(list));
    Ok(Pyproject {
        name: get("name")
            .or(poetry_name)
            .and_then(|value| reader.text(value)),
        dynamic_dependencies: get("dynamic").is_some_and(|list| lists(list, "dependencies")),
        requires_python: get("requires-python")
            .and_then(|value| reader.text(value))
            .or_else(|| reader.poetry_python(&table, poetry.as_ref()?)),
        fastapi_entrypoint: fastapi.and_then(|value| reader.text(value)),
        lines: get("dependencies").map(lines).unwrap_or_default(),
        has_list: dependencies.is_some(),
        indexes: pdm_indexes(&plain),
        pixi: pixi(&plain),
        poetry,
        dependencies: dependencies.unwrap_or_default(),
        extras: [
            &["project", "optional-dependencies"][..],
            &["dependency-groups"],
        ]
        .iter()
        .filter_map(|path| table_at(&table, path))
        .flat_map(|names| reader.names(names))
        .collect(),
        scripts: table_at(&table, &["project", "scripts"])
            .map(|scripts| reader.scripts(scripts))
            .unwrap_or_default(),
    })
}

/// Parses TOML; a mistake becomes an error with an excerpt.
pub(crate) fn parse_toml<'a>(file: &Path, text: &'a str) -> Result<DeTable<'a>> {
    let parsed = DeTable::parse(text).map_err(|error| toml_error(file, text, &error))?;
    Ok(parsed.into_inner())
}

/// A TOML reader's mistake with our excerpt.
pub(crate) fn toml_error(file: &Path, text: &str, error: &toml::de::Error) -> Error {
    let span = error.span().unwrap_or(0..0);
    Error::Manifest {
        excerpt: Box::new(Excerpt::new(file, text, span)),
        message: format!("the TOML cannot be read: {}", error.message()),
        hint: None,
    }
}

/// A value by its key.
pub(crate) fn find<'t, 'a>(table: &'t DeTable<'a>, key: &str) -> Option<&'t Spanned<DeValue<'a>>> {
    let entry = table.iter().find(|(name, _)| name.get_ref() == key);
    entry.map(|(_, value)| value)
}

fn table_at<'t, 'a>(table: &'t DeTable<'a>, path: &[&str]) -> Option<&'t DeTable<'a>> {
    path.iter()
        .try_fold(table, |table, key| find(table, key)?.get_ref().as_table())
}

fn lists(value: &Spanned<DeValue<'_>>, text: &str) -> bool {
    let array = value.get_ref().as_array();
    array.is_some_and(|array| {
        array
            .iter()
            .any(|item| item.get_ref().as_str() == Some(text))
    })
}

fn lines(list: &Spanned<DeValue<'_>>) -> Vec<String> {
    let items = list.get_ref().as_array().into_iter().flat_map(|a| a.iter());
    items
        .filter_map(|item| Some(item.get_ref().as_str()?.to_owned()))
        .collect()
}

fn pdm_indexes(table: &toml::Table) -> Vec<String> {
    let sources = table.get("tool").and_then(|tool| {
        let pdm = tool.get("pdm")?;
        pdm.get("source")?.as_array()
    });
    let urls = sources
        .into_iter()
        .flatten()
        .filter_map(|source| source.get("url")?.as_str());
    urls.filter(|url| !poetry::is_pypi(url))
        .map(str::to_owned)
        .collect()
}

fn pixi(table: &toml::Table) -> Option<Conda> {
    let read = conda::pixi(table.get("tool")?.get("pixi")?.as_table()?);
    let names = !read.requirements.is_empty() || !read.foreign.is_empty();
    names.then_some(read)
}

struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn place(&self, value: &Spanned<DeValue<'_>>) -> Place {
        Place::line(self.file, line_of(self.text, value.span().start))
    }

    fn text(&self, value: &Spanned<DeValue<'_>>) -> Option<(String, Place)> {
        let text = value.get_ref().as_str()?.to_owned();
        Some((text, self.place(value)))
    }

    fn poetry_python(&self, table: &DeTable<'_>, poetry: &Poetry) -> Option<(String, Place)> {
        let own = table_at(table, &["tool", "poetry", "dependencies"])?;
        let place = self.place(find(own, "python")?);
        Some((poetry.python.clone()?, place))
    }

    fn scripts(&self, table: &DeTable<'_>) -> Vec<(String, String, Place)> {
        let scripts = table.iter().filter_map(|(name, value)| {
            let (calls, place) = self.text(value)?;
            Some((name.get_ref().to_string(), calls, place))
        });
        let mut scripts: Vec<_> = scripts.collect();
        // As they are written: a table of TOML has no order of its own.
        scripts.sort_by_key(|(_, _, place)| place.line);
        scripts
    }

    /// The keys of a table, as they are written.
    fn names(&self, table: &DeTable<'_>) -> Vec<(String, Place)> {
        let names = table
            .iter()
            .map(|(name, value)| (name.get_ref().to_string(), self.place(value)));
        let mut names: Vec<_> = names.collect();
        names.sort_by_key(|(_, place)| place.line);
        names
    }

    fn requirements(&self, list: &Spanned<DeValue<'_>>) -> Vec<Requirement> {
        let items = list.get_ref().as_array().into_iter().flat_map(|a| a.iter());
        items
            .filter_map(|item| requirement(item.get_ref().as_str()?, self.place(item)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_table_is_read_with_its_lines() {
        let text = "[project]\nname = \"My.Shop\"\nrequires-python = \">=3.11\"\ndependencies = [\n  \"fastapi[standard]>=0.115\",\n  \"sqlmodel==0.0.22\",\n]\n[tool.fastapi]\nentrypoint = \"shop.api:app\"\n";
        let read = parse(Path::new("pyproject.toml"), text).unwrap();
        assert_eq!(read.name.unwrap().0, "My.Shop");
        assert_eq!(read.requires_python.unwrap().1.line, 3);
        assert_eq!(read.dependencies[0].extras, ["standard"]);
        assert_eq!(read.dependencies[1].place.line, 6);
        assert_eq!(read.fastapi_entrypoint.unwrap().0, "shop.api:app");
        assert!(read.poetry.is_none());
    }

    #[test]
    fn a_mistake_in_the_toml_has_its_line() {
        let error = parse(Path::new("pyproject.toml"), "[project]\nname = shop\n").unwrap_err();
        insta::assert_snapshot!(error, @r#"
        the TOML cannot be read: string values must be quoted, expected literal string
         --> pyproject.toml:2:8
          |
        2 | name = shop
          |        ^^^^
        "#);
    }
}
