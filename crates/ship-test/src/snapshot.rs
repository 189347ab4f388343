//! Making output comparable: what differs from run to run gets a name.

/// `text` with times, sizes, ports, process numbers, hashes and the given places replaced:
/// `[TIME]`, `[SIZE]`, `[PORT]`, `[PID]`, `[HASH]`, and each `(place, name)` of `places` by its name.
pub fn filtered(text: &str, places: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (place, name) in places {
        text = text.replace(place, name);
    }
    let lines: Vec<String> = text.lines().map(filtered_line).collect();
    lines.join("\n")
}

fn filtered_line(line: &str) -> String {
    let mut filtered: Vec<String> = Vec::new();
    let mut previous = "";
    for word in line.split(' ') {
        let (unit, mark) = split_mark(word);
        if is_number(previous) && is_time(unit) {
            filtered.pop();
            // `3 min 5 s` is one time.
            if filtered.last().is_some_and(|last| last == "[TIME]") {
                filtered.pop();
            }
            filtered.push(format!("[TIME]{mark}"));
        } else if is_number(previous) && is_size(unit) {
            filtered.pop();
            filtered.push(format!("[SIZE]{mark}"));
        } else if matches!(previous, "pid" | "(pid" | "process") && is_number(unit) {
            filtered.push(format!("[PID]{mark}"));
        } else if is_hash(unit) {
            filtered.push(format!("[HASH]{mark}"));
        } else {
            filtered.push(without_port(word));
        }
        previous = word;
    }
    filtered.join(" ").trim_end().to_owned()
}

/// A word and the punctuation behind it.
fn split_mark(word: &str) -> (&str, &str) {
    let end = word.trim_end_matches([',', ')', ':', ';']).len();
    word.split_at(end)
}

fn is_number(word: &str) -> bool {
    word.parse::<f64>().is_ok()
}

/// The units of `ship_base::count::duration`.
fn is_time(unit: &str) -> bool {
    matches!(unit, "s" | "min" | "h" | "d" | "ms")
}

/// The units of `ship_base::count::bytes`.
fn is_size(unit: &str) -> bool {
    matches!(unit, "B" | "kB" | "MB" | "GB" | "TB")
}

/// A content address, whole or short.
fn is_hash(word: &str) -> bool {
    matches!(word.len(), 16 | 64) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
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

    #[test]
    fn words_around_what_differs_stay() {
        for (text, expected) in [
            (
                "(pid 12), up 3 min 5 s, 1.2 MB",
                "(pid [PID]), up [TIME], [SIZE]",
            ),
            ("started as process 4211", "started as process [PID]"),
            ("env e3b0c44298fc1c14: ready", "env [HASH]: ready"),
            (
                "41 packages, exit code 1, r12, v1.2.3",
                "41 packages, exit code 1, r12, v1.2.3",
            ),
        ] {
            assert_eq!(filtered(text, &[]), expected);
        }
    }
}
