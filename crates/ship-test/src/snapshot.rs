//! Making output comparable: what differs from run to run gets a name.

/// `text` with times, sizes, ports, process numbers and the given places replaced:
/// `[TIME]`, `[SIZE]`, `[PORT]`, `[PID]`, and each `(place, name)` of `places` by its name.
pub fn filtered(text: &str, places: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (place, name) in places {
        text = text.replace(place, name);
    }
    let lines: Vec<String> = text.lines().map(filtered_line).collect();
    lines.join("\n")
}

fn filtered_line(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let mut filtered: Vec<String> = Vec::with_capacity(words.len());
    for (at, word) in words.iter().enumerate() {
        let previous = at.checked_sub(1).map(|before| words[before]);
        match (previous, *word) {
            (Some(number), "s") if is_number(number) => replace_last(&mut filtered, "[TIME]"),
            (Some(number), unit) if is_number(number) && is_size(unit) => {
                replace_last(&mut filtered, "[SIZE]");
            }
            (Some("pid" | "(pid"), number) if is_number(number.trim_end_matches([')', ','])) => {
                filtered.push("[PID]".to_owned());
            }
            (_, word) => filtered.push(without_port(word)),
        }
    }
    filtered.join(" ").trim_end().to_owned()
}

fn replace_last(words: &mut [String], name: &str) {
    if let Some(last) = words.last_mut() {
        name.clone_into(last);
    }
}

fn is_number(word: &str) -> bool {
    word.parse::<f64>().is_ok()
}

fn is_size(word: &str) -> bool {
    matches!(word.trim_end_matches(','), "B" | "kB" | "MB" | "GB")
}

/// `http://a.localhost:8003/x` becomes `http://a.localhost:[PORT]/x`.
fn without_port(word: &str) -> String {
    let Some((before, after)) = word.split_once("localhost:") else {
        return word.to_owned();
    };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    format!("{before}localhost:[PORT]{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_gets_a_name() {
        let text = "  ✓ web.1 ready 0.6 s\n  http://a.localhost:8001   r1 live\n41 kB in /tmp/x";
        assert_eq!(
            filtered(text, &[("/tmp/x", "[PROJECT]")]),
            "  ✓ web.1 ready [TIME]\n  http://a.localhost:[PORT]   r1 live\n[SIZE] in [PROJECT]"
        );
    }
}
