//! The commands of ours in a line of a page, as a shell would read them.

/// What stands before a command in a CI's file or a transcript.
const BEFORE: &[&str] = &["$ ", "- ", "run: ", "script: ", "RUN "];
/// What ends a command: an operator of a shell, a comment, what it prints.
const ENDS: &[&str] = &["|", "||", "&&", ";", "&", "#", ">", ">>", "2>", "<", "→"];

/// Those of a line in a block.
pub(super) fn commands(line: &str) -> Vec<Vec<String>> {
    let mut rest = line.trim();
    while let Some(after) = BEFORE.iter().find_map(|before| rest.strip_prefix(before)) {
        rest = after.trim_start();
    }
    let all = words(rest);
    // A row of blanks parts a command from what is said about it.
    all.split(|word| ENDS.contains(&word.as_str()))
        .map(without_variables)
        .filter(|words| words.first().is_some_and(|word| word == "ship"))
        .filter(|words| words.len() > 1)
        .map(<[String]>::to_vec)
        .collect()
}

/// Those that stand between backticks.
pub(super) fn spans(line: &str) -> Vec<Vec<String>> {
    let spans = line.split('`').skip(1).step_by(2);
    spans.flat_map(commands).collect()
}

/// `NAME=VALUE ship up` is `ship up`.
fn without_variables(words: &[String]) -> &[String] {
    let is_variable = |word: &&String| {
        let name = word.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    };
    let variables = words.iter().take_while(is_variable).count();
    &words[variables..]
}

/// Words with quotes taken away; operators are words of their own. Two blanks after the first word
/// end it, as examples have a remark there.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, ' ') => {
                words.extend(word.take());
                if letters.peek() == Some(&' ') && !words.is_empty() {
                    words.push("#".to_owned());
                    return words;
                }
            }
            (None, ';') => {
                words.extend(word.take());
                words.push(";".to_owned());
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    // What follows a comment is none of ours.
    if let Some(comment) = words.iter().position(|word| word == "#") {
        words.truncate(comment);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> Vec<String> {
        let commands = commands(line);
        commands.iter().map(|words| words.join("·")).collect()
    }

    #[test]
    fn commands_are_found_as_a_shell_and_a_ci_read_them() {
        for (line, found) in [
            ("ship up", "ship·up"),
            ("$ ship up --detach", "ship·up·--detach"),
            (
                "      - run: ship deploy prod --json > events",
                "ship·deploy·prod·--json",
            ),
            ("- A=1 B_C='x y' ship env set 'D=e f'", "ship·env·set·D=e f"),
            (
                "pass show x | ship env set X; echo ship up",
                "ship·env·set·X",
            ),
            ("ship deploy            where it went last", "ship·deploy"),
            ("ship key add ci < ci.pub", "ship·key·add·ci"),
            ("ship up # ship down", "ship·up"),
        ] {
            assert_eq!(shown(line), [found], "{line}");
        }
    }

    #[test]
    fn other_programs_and_the_bare_name_are_none_of_ours() {
        for line in [
            "shipping --help",
            "cargo run -- up",
            "ship",
            "see ship up",
            "",
        ] {
            assert!(shown(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn text_shows_commands_between_backticks() {
        assert_eq!(
            spans("Say `ship up`, then `x` or `ship ps --json`.").len(),
            2
        );
        assert!(spans("ship up is no command here").is_empty());
    }
}
