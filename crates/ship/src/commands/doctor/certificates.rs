//! Whether each certificate that the door was given, or asks for, is one that visitors can trust.

use ship_api::reply::{Certificate, ServerStatus};

use super::finding::Finding;

/// What is wrong with them.
pub(crate) fn check(status: Option<&ServerStatus>) -> Vec<Finding> {
    let all = status.map_or(&[][..], |status| &status.certificates);
    all.iter().filter_map(one).collect()
}

fn one(certificate: &Certificate) -> Option<Finding> {
    let why = certificate.trouble.as_ref()?;
    let names = certificate.names.join(", ");
    let what = match (&*names, certificate.from.strip_prefix("file ")) {
        ("", _) => format!("{}: {why}", certificate.from),
        (names, Some(file)) => format!("{names} (`{file}`): {why}"),
        (names, None) => format!("{names}: {why}"),
    };
    Some(match certificate.from.strip_prefix("file ") {
        None => Finding::notable(
            "tls",
            what,
            "see that its DNS leads to this machine and that ports 80 and 443 are open; it is asked for again by itself",
        ),
        Some(_) if certificate.serves => Finding::notable("tls", what, RENEW),
        Some(_) => Finding::broken("tls", what, RENEW),
    })
}

const RENEW: &str = "put a certificate that is valid, with its key, in the place of that file; it is taken by itself";

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: &[&str], from: &str, serves: bool, trouble: Option<&str>) -> Option<Finding> {
        one(&Certificate {
            names: names.iter().map(ToString::to_string).collect(),
            from: from.to_owned(),
            serves,
            trouble: trouble.map(str::to_owned),
        })
    }

    #[test]
    fn each_file_that_is_wrong_is_told_with_what_to_do() {
        let file = "file /d/blog.pem";
        assert_eq!(told(&["blog.example"], file, true, None), None);
        let over = Some("it was valid until 2026-11-01");
        let over = told(&["blog.example"], file, true, over).unwrap();
        assert!(!over.is_broken());
        insta::assert_snapshot!(over.what, @"blog.example (`/d/blog.pem`): it was valid until 2026-11-01");
        let broken = told(&[], file, false, Some("it is not PEM")).unwrap();
        assert!(broken.is_broken());
        insta::assert_snapshot!(broken.what, @"file /d/blog.pem: it is not PEM");
    }
}
