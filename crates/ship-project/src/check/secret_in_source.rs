//! Credentials of known services, by the form their makers gave them.

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::python::module::Module;
use crate::python::source::{self, Source};

pub(super) const CHECK: Check = Check {
    id: "secret-in-source",
    severity: Severity::Error,
    title: "no credential of a known service stands in the code",
    why: "A credential in the source belongs to everybody who ever sees the repository, also after the line is gone: it stays in the history. What is seen: strings in Python files whose form says what they are (keys of AWS, Stripe, GitHub, GitLab, Slack, SendGrid, OpenAI, Anthropic, Google, and PEM private keys). Anything else is not seen.",
    remedy: "Make a new credential and revoke this one, then read it from the environment: `ship env set NAME=…` keeps it on the server.",
    fix: None,
    look,
};

type Form = (&'static str, &'static str, usize, fn(char) -> bool);

/// What it is, how it begins, and of how many characters of which kind it then consists.
const FORMS: &[Form] = &[
    ("an AWS access key", "AKIA", 16, is_upper_or_digit),
    ("a live key of Stripe", "sk_live_", 24, is_word),
    ("a live key of Stripe", "rk_live_", 24, is_word),
    ("a GitHub token", "ghp_", 36, is_word),
    ("a GitHub token", "github_pat_", 60, is_word),
    ("a GitLab token", "glpat-", 20, is_dashed),
    ("a Slack token", "xoxb-", 30, is_dashed),
    ("a Slack token", "xoxp-", 30, is_dashed),
    ("a SendGrid key", "SG.", 60, is_dotted),
    ("an OpenAI key", "sk-proj-", 40, is_dashed),
    ("an Anthropic key", "sk-ant-", 40, is_dashed),
    ("a Google API key", "AIza", 35, is_dashed),
];

/// In the first line of a private key (RFC 7468).
const KEY: &str = "PRIVATE KEY-----";

fn is_upper_or_digit(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn is_dashed(c: char) -> bool {
    is_word(c) || c == '-'
}

fn is_dotted(c: char) -> bool {
    is_dashed(c) || c == '.'
}

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let index = &subject.project().index;
    let starts = FORMS.iter().map(|(_, start, ..)| *start);
    let signs: Vec<&str> = starts.chain([KEY]).collect();
    let own: Vec<&Source> = index.own_sources().collect();
    let modules = source::parsed(source::holding(&own, &signs));
    modules.flat_map(of_module).collect()
}

fn of_module(module: &Module) -> Vec<Finding> {
    let found = module.texts.iter().filter_map(|(text, line)| {
        let what = format!("{} stands in the code", kind(text)?);
        let remedy = "revoke it, make a new one, and read that from the environment";
        Some(Finding::new(&CHECK, module.place(*line), what, remedy))
    });
    found.collect()
}

fn kind(text: &str) -> Option<&'static str> {
    if text.contains(KEY) && text.len() > 200 {
        return Some("a private key");
    }
    let form = FORMS.iter().find(|(_, start, length, of)| {
        let rest = text.strip_prefix(start).unwrap_or_default();
        // `xxxx…` and `AKIAIOSFODNN7EXAMPLE` of the documentation are no credentials.
        rest.chars().count() >= *length
            && rest.chars().all(of)
            && !rest.contains("EXAMPLE")
            && rest.chars().any(|c| !rest.starts_with(c))
    });
    form.map(|(what, ..)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_known_by_its_form_and_an_example_is_none() {
        // Put together here, so that no scanner takes this file for a leak.
        let key = ["AKIA", "Q3EGUS4BXH7TRZ2M"].concat();
        assert_eq!(kind(&key), Some("an AWS access key"));
        let token = ["ghp_", &"a1B2".repeat(9)].concat();
        assert_eq!(kind(&token), Some("a GitHub token"));
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "AKIA",
            "sk_live_…",
        ] {
            assert_eq!(kind(text), None, "{text}");
        }
    }
}
