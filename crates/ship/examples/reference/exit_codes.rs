//! `exit-codes.md`.

use std::fmt::Write as _;

/// The page.
pub(crate) fn page() -> String {
    let mut page =
        "# Exit codes\n\nThey say whose move it is.\n\n| code | meaning |\n|---|---|\n".to_owned();
    for (code, sentence) in ship::exit::ALL {
        let _ = writeln!(page, "| {code} | {sentence} |");
    }
    page.push_str("\n`ship run` ends with the code of the program it ran.\n");
    page
}
