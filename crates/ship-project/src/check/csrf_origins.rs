//! Django's `CSRF_TRUSTED_ORIGINS`, in the form that Django 4 and later want.

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;

pub(super) const CHECK: Check = Check {
    id: "csrf-origins",
    severity: Severity::Error,
    title: "`CSRF_TRUSTED_ORIGINS` is in the form that Django reads",
    why: "Since Django 4.0 each entry begins with a scheme. One without makes every management command fail (`4_0.E001`), migrations of a deploy included. What is seen: a literal list, where the locked Django is 4 or later or not known.",
    remedy: "Write the scheme: `CSRF_TRUSTED_ORIGINS = [\"https://shop.example\"]`.",
    fix: None,
    look,
};

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let old = subject.packages().version("django").is_some_and(|version| {
        ["1.", "2.", "3."]
            .iter()
            .any(|series| version.starts_with(series))
    });
    let Some(settings) = subject.settings().filter(|_| !old) else {
        return Vec::new();
    };
    let Some((origins, place)) = settings.literal_list("CSRF_TRUSTED_ORIGINS") else {
        return Vec::new();
    };
    let bare = origins.iter().find(|origin| !origin.contains("://"));
    let found = bare.map(|origin| {
        let what = format!("`CSRF_TRUSTED_ORIGINS` has `{origin}` without a scheme: Django 4 and later refuse to start commands");
        Finding::new(&CHECK, place, what, format!("write `\"https://{origin}\"`"))
    });
    found.into_iter().collect()
}
