//! Names that a package does not have in the version that is installed.

use std::path::{Path, PathBuf};

use ship_base::file;

use super::package_of;

/// What to do about an exception that misses a name in a package, a module below one, or a name in
/// Python's own library. `files` are those of the traceback, one of which tells where packages are.
pub(crate) fn hint<'a>(
    exception: &str,
    files: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    if let Some(module) = missing_submodule(exception) {
        let package = module.split('.').next()?;
        let folder = files.into_iter().find_map(site_packages);
        return Some(of_package(package, module, folder.as_deref()));
    }
    let (name, module, file) = missing_name(exception)?;
    if let Some(folder) = site_packages(file) {
        let package = module.split('.').next()?;
        return Some(of_package(package, name, Some(&folder)));
    }
    if let Some(minor) = library_of(file) {
        return Some(format!(
            "Python {minor} has no `{name}` in `{module}`: what imports it wants another version of Python, named by `.python-version`, or is itself too old or too new for this one"
        ));
    }
    Some(format!(
        "`{module}` is the project's own: does it have `{name}`, or do two modules import each other?"
    ))
}

/// `shop.urls` of `No module named 'shop.urls'`. Python names a module below a package whole only
/// where it found the package.
fn missing_submodule(exception: &str) -> Option<&str> {
    let (_, rest) = exception.split_once("No module named '")?;
    let (module, rest) = rest.split_once('\'')?;
    (module.contains('.') && !rest.contains("is not a package")).then_some(module)
}

/// The name, the module and its file of `cannot import name 'x' from 'm' (/lib/m.py)`.
fn missing_name(exception: &str) -> Option<(&str, &str, &str)> {
    let (_, rest) = exception.split_once("cannot import name '")?;
    let (name, rest) = rest.split_once("' from ")?;
    let rest = rest
        .strip_prefix("partially initialized module ")
        .unwrap_or(rest);
    let (module, rest) = rest.strip_prefix('\'')?.split_once('\'')?;
    // `(most likely due to a circular import)` may stand before it.
    let at = rest.find("(/")?;
    let (file, _) = rest[at + 1..].split_once(')')?;
    Some((name, module, file))
}

fn of_package(package: &str, name: &str, folder: Option<&Path>) -> String {
    let distribution = package_of(package);
    let version = folder.and_then(|folder| installed(folder, &distribution));
    let (version, such_as) = match &version {
        Some(version) => (
            format!(" {version}"),
            format!(", such as `{distribution}<{version}` or `{distribution}>{version}`"),
        ),
        None => (String::new(), String::new()),
    };
    format!(
        "`{distribution}`{version} is installed and has no `{name}`: the code was written for another version of it; name that one among the packages{such_as}"
    )
}

/// The version of a package, by the folder that says what is installed:
/// <https://packaging.python.org/en/latest/specifications/recording-installed-packages/>.
fn installed(folder: &Path, distribution: &str) -> Option<String> {
    let normal = |name: &str| name.replace(['_', '.'], "-").to_lowercase();
    file::entries(folder).ok()?.iter().find_map(|entry| {
        let name = entry.file_name();
        let (name, version) = name
            .to_str()?
            .strip_suffix(".dist-info")?
            .rsplit_once('-')?;
        (normal(name) == normal(distribution)).then(|| version.to_owned())
    })
}

/// The folder of packages that `file` lies in.
fn site_packages(file: &str) -> Option<PathBuf> {
    const NAME: &str = "/site-packages/";
    let at = file.find(NAME)?;
    Some(PathBuf::from(&file[..at + NAME.len()]))
}

/// `3.13` of a file of Python's own library, `/usr/lib/python3.13/dataclasses.py`.
fn library_of(file: &str) -> Option<&str> {
    let (_, rest) = file.split_once("/lib/python")?;
    let (minor, _) = rest.split_once('/')?;
    minor.starts_with("3.").then_some(minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installed_version_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let packages = folder.path().join("lib/python3.10/site-packages");
        file::create_folder(&packages.join("MarkupSafe-2.1.5.dist-info")).unwrap();
        let file = packages.join("markupsafe/__init__.py");
        let told = hint(
            &format!(
                "ImportError: cannot import name 'soft_unicode' from 'markupsafe' ({})",
                file.display()
            ),
            [],
        );
        assert_eq!(
            told.as_deref(),
            Some(
                "`markupsafe` 2.1.5 is installed and has no `soft_unicode`: the code was written for another version of it; name that one among the packages, such as `markupsafe<2.1.5` or `markupsafe>2.1.5`"
            )
        );
    }

    #[test]
    fn a_module_below_a_package_is_not_taken_for_a_missing_package() {
        let told = hint(
            "ModuleNotFoundError: No module named 'django.core.urlresolvers'",
            ["/nowhere/site-packages/django/__init__.py"],
        );
        assert_eq!(
            told.as_deref(),
            Some(
                "`django` is installed and has no `django.core.urlresolvers`: the code was written for another version of it; name that one among the packages"
            )
        );
        assert_eq!(
            hint("ModuleNotFoundError: No module named 'shop'", []),
            None
        );
    }

    #[test]
    fn the_library_of_python_and_the_project_are_told_apart() {
        let of_python = hint(
            "ImportError: cannot import name '_create_fn' from 'dataclasses' (/opt/3.13.0/lib/python3.13/dataclasses.py)",
            [],
        );
        assert!(
            of_python
                .unwrap()
                .starts_with("Python 3.13 has no `_create_fn`")
        );
        let own = hint(
            "ImportError: cannot import name 'app' from partially initialized module 'shop' (most likely due to a circular import) (/w/shop.py)",
            [],
        );
        assert!(own.unwrap().starts_with("`shop` is the project's own"));
    }
}
