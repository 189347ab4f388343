//! What the last lines of a program that ended say of what it lacks.

use ship_base::name::AppName;

use crate::{hints, outside};

/// What to do where they name a server that is away, a module that no package brought, or something
/// that the system lacks.
pub fn hint(app: &AppName, output: &[String]) -> Option<String> {
    let lines = || output.iter().map(String::as_str);
    outside::hint(app, lines())
        .or_else(|| lines().rev().find_map(missing_module))
        .or_else(|| hints::system::hint(lines()))
        .or_else(|| lines().rev().find_map(told_to_install))
}

/// `$ pip install sanic[ext]`: a package that says itself what it misses.
fn told_to_install(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("pip install ")?;
    let package = rest.split_whitespace().next()?;
    let package = package.trim_matches(['`', '\'', '"', '.', ',', ')']);
    let is_named = package.starts_with(|c: char| c.is_ascii_alphanumeric());
    is_named.then(|| format!("is `{package}` missing among the packages that the project names?"))
}

/// `ModuleNotFoundError: No module named 'pkg_resources'`
fn missing_module(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("ModuleNotFoundError: No module named '")?;
    let (module, _) = rest.split_once('\'')?;
    let package = hints::package_of(module);
    Some(format!(
        "is `{package}` missing among the packages that the project names?"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_of_a_module_that_is_not_there_is_named() {
        let output = [
            "    import pkg_resources".to_owned(),
            "ModuleNotFoundError: No module named 'pkg_resources'".to_owned(),
            String::new(),
        ];
        assert_eq!(
            hint(&"blog".parse().unwrap(), &output).as_deref(),
            Some("is `setuptools<81` missing among the packages that the project names?")
        );
    }

    #[test]
    fn a_program_that_the_system_lacks_is_named() {
        let output =
            ["FileNotFoundError: [Errno 2] No such file or directory: 'ffmpeg'".to_owned()];
        let hint = hint(&"blog".parse().unwrap(), &output).unwrap();
        assert!(hint.contains("`sudo apt install ffmpeg`"), "{hint}");
    }

    #[test]
    fn what_a_package_says_is_to_be_installed_is_named() {
        let hint = |line: &str| hint(&"blog".parse().unwrap(), &[line.to_owned()]);
        assert_eq!(
            hint("  ▐ $ pip install sanic[ext]").as_deref(),
            Some("is `sanic[ext]` missing among the packages that the project names?")
        );
        assert!(
            hint("try `pip install gunicorn`.")
                .unwrap()
                .contains("`gunicorn`")
        );
        assert_eq!(hint("pip install -r requirements.txt"), None);
    }

    #[test]
    fn an_ordinary_end_gets_no_advice() {
        let output = ["ValueError: no".to_owned()];
        assert_eq!(hint(&"blog".parse().unwrap(), &output), None);
    }
}
