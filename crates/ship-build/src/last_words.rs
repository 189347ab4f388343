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
    fn an_ordinary_end_gets_no_advice() {
        let output = ["ValueError: no".to_owned()];
        assert_eq!(hint(&"blog".parse().unwrap(), &output), None);
    }
}
