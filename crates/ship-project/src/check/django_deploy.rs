//! What Django itself has to say of its settings in production.

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;

pub(super) const CHECK: Check = Check {
    id: "django-deploy",
    severity: Severity::Error,
    title: "Django's own checks for production find nothing",
    why: "`manage.py check --deploy` asks every installed app, and Django's security checks, what they think of the settings as they are with the app's own environment. It imports the project, so it is only asked with `--built`, in the live release. Left out is what Shipsmith sees to or says by itself: `security.W008` (the door sends visitors to HTTPS), `W018` (`DEBUG`) and `W020` (`ALLOWED_HOSTS`).",
    remedy: "Each message has its number: https://docs.djangoproject.com/en/stable/ref/checks/ tells what it is about. `SILENCED_SYSTEM_CHECKS` in the settings keeps one quiet.",
    fix: None,
    look,
};

/// What the door or another check has to say.
const OURS: [&str; 3] = ["security.W008", "security.W018", "security.W020"];

/// A message of Django's system check framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DjangoMessage {
    /// Under which heading it stood.
    pub severity: Severity,
    /// `security.W004`
    pub id: String,
    /// What it says, in one line.
    pub text: String,
    /// What Django hints at.
    pub hint: Option<String>,
}

/// The messages in the output of `manage.py check --deploy`; lines of anything else are passed over.
/// The form is that of `BaseCommand.check` (django/core/management/base.py), the same since 1.8.
pub fn django_messages(output: &str) -> Vec<DjangoMessage> {
    let mut messages: Vec<DjangoMessage> = Vec::new();
    let mut severity = None;
    for line in output.lines() {
        match line.trim_end() {
            "CRITICALS:" | "ERRORS:" => severity = Some(Severity::Error),
            "WARNINGS:" => severity = Some(Severity::Warning),
            "INFOS:" | "DEBUGS:" => severity = Some(Severity::Advice),
            "" => {}
            line => {
                let hint = line.trim_start().strip_prefix("HINT: ");
                if let (Some(hint), Some(last)) = (hint, messages.last_mut()) {
                    last.hint = Some(hint.to_owned());
                } else if let Some(severity) = severity {
                    messages.extend(message(line, severity));
                }
            }
        }
    }
    messages
}

/// `?: (security.W004) You have not set …`, `shop.Item: (fields.W342) Setting unique=True …`
fn message(line: &str, severity: Severity) -> Option<DjangoMessage> {
    let (_, rest) = line.split_once(": (")?;
    let (id, text) = rest.split_once(") ")?;
    let is_id = id.contains('.') && !id.contains(' ');
    is_id.then(|| DjangoMessage {
        severity,
        id: id.to_owned(),
        text: text.trim().to_owned(),
        hint: None,
    })
}

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let messages = subject.given.django.iter();
    messages
        .filter(|message| !OURS.contains(&message.id.as_str()))
        .map(|message| {
            // The first sentence says what is; what follows tells Django's reasons.
            let what = message.text.split(". ").next().unwrap_or(&message.text);
            let what = format!("{}: {}", message.id, what.trim_end_matches('.'));
            let remedy = message.hint.clone().unwrap_or_else(|| {
                "https://docs.djangoproject.com/en/stable/ref/checks/ tells what it is about"
                    .to_owned()
            });
            Finding::new(&CHECK, None, what, remedy).severity(message.severity)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_are_told_from_whatever_else_is_written() {
        let output = "loading settings\nSystem check identified some issues:\n\n\
            ERRORS:\nshop.Item.code: (fields.E120) CharFields must define a 'max_length' attribute.\n\n\
            WARNINGS:\n?: (security.W004) You have not set a value for the SECURE_HSTS_SECONDS setting. If your entire site is served only over SSL, you may want to.\n\
            ?: (urls.W005) URL namespace 'admin' isn't unique.\n\tHINT: give it another name\n\n\
            System check identified 3 issues (0 silenced).\n";
        let told: Vec<_> = django_messages(output)
            .into_iter()
            .map(|one| (one.severity, one.id, one.hint))
            .collect();
        assert_eq!(
            told,
            [
                (Severity::Error, "fields.E120".to_owned(), None),
                (Severity::Warning, "security.W004".to_owned(), None),
                (
                    Severity::Warning,
                    "urls.W005".to_owned(),
                    Some("give it another name".to_owned())
                ),
            ]
        );
        assert_eq!(
            django_messages("System check identified no issues (0 silenced).\n"),
            []
        );
    }

    proptest! {
        #[test]
        fn any_output_is_read(output in "(?s).*") {
            let _ = django_messages(&output);
        }
    }
}
