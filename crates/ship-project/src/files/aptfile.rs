//! `Aptfile`: packages of Debian's that Heroku's buildpack for them installs, one a line.
//!
//! Format: <https://elements.heroku.com/buildpacks/heroku/heroku-buildpack-apt>.

/// The names of packages with their lines, without addresses of files and repositories.
pub(crate) fn parse(text: &str) -> Vec<(String, u32)> {
    let lines = (1..).zip(text.lines().map(str::trim));
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-.:=~".contains(c);
    let named = lines.filter(|(_, line)| {
        line.starts_with(|c: char| c.is_ascii_alphanumeric()) && line.chars().all(plain)
    });
    named
        .map(|(number, line)| (line.to_owned(), number))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn packages_are_told_from_comments_and_addresses() {
        let text = "# for maps\nlibgdal-dev\n:repo:deb https://example.org x main\nhttps://example.org/a.deb\n  ffmpeg\n";
        let told = [("libgdal-dev".to_owned(), 2), ("ffmpeg".to_owned(), 5)];
        assert_eq!(parse(text), told);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s).*") {
            let _ = parse(&text);
        }
    }
}
