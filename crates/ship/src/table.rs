//! Aligned columns.

use crate::text::{cut, pad, width};

/// How a column is cut where the terminal is too narrow for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Give {
    /// Never cut.
    Nothing,
    /// Cut when the columns that give first are not enough.
    Later,
    /// Cut first.
    First,
}

/// Spaces between columns.
const GAP: usize = 2;
/// No column is cut below this.
const LEAST: usize = 8;

/// The width of each column, so that the rows fit into `columns` as far as [`LEAST`] allows.
pub(crate) fn widths(rows: &[Vec<String>], give: &[Give], columns: Option<usize>) -> Vec<usize> {
    let mut widths: Vec<usize> = give
        .iter()
        .enumerate()
        .map(|(at, _)| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0))
        .collect();
    let Some(columns) = columns else {
        return widths;
    };
    for order in [Give::First, Give::Later] {
        let whole: usize = widths.iter().sum::<usize>() + GAP * give.len().saturating_sub(1);
        let mut excess = whole.saturating_sub(columns);
        for (width, _) in widths
            .iter_mut()
            .zip(give)
            .filter(|(_, give)| **give == order)
        {
            let cut = excess.min(width.saturating_sub(LEAST));
            *width -= cut;
            excess -= cut;
        }
    }
    widths
}

/// The cells of one row, each in its width; the last one without spaces after it.
pub(crate) fn row(cells: &[String], widths: &[usize]) -> Vec<String> {
    let last = cells.len().saturating_sub(1);
    let mut fitted: Vec<String> = cells
        .iter()
        .zip(widths)
        .enumerate()
        .map(|(at, (cell, width))| {
            let cell = cut(cell, *width);
            if at == last { cell } else { pad(&cell, *width) }
        })
        .collect();
    while fitted.last().is_some_and(|cell| cell.trim().is_empty()) {
        fitted.pop();
    }
    fitted
}

/// All rows as lines.
pub(crate) fn lines(rows: &[Vec<String>], give: &[Give], columns: Option<usize>) -> Vec<String> {
    let widths = widths(rows, give, columns);
    rows.iter()
        .map(|cells| {
            row(cells, &widths)
                .join(&" ".repeat(GAP))
                .trim_end()
                .to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GIVE: [Give; 3] = [Give::Nothing, Give::Later, Give::First];

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        vec![
            row([
                "web",
                "granian talkshow.wsgi:application",
                "no server locked: Granian added",
            ]),
            row(["release", "python manage.py migrate", ""]),
        ]
    }

    #[test]
    fn columns_stand_below_each_other() {
        insta::assert_snapshot!(lines(&rows(), &GIVE, None).join("\n"), @"
        web      granian talkshow.wsgi:application  no server locked: Granian added
        release  python manage.py migrate
        ");
    }

    #[test]
    fn the_reason_is_cut_before_the_decision() {
        insta::assert_snapshot!(lines(&rows(), &GIVE, Some(58)).join("\n"), @"
        web      granian talkshow.wsgi:application  no server loc…
        release  python manage.py migrate
        ");
        insta::assert_snapshot!(lines(&rows(), &GIVE, Some(40)).join("\n"), @"
        web      granian talkshow.wsg…  no serv…
        release  python manage.py mig…
        ");
    }

    proptest! {
        #[test]
        fn lines_fit_wherever_they_can(columns in 40usize..200, what in ".{0,80}", why in ".{0,80}") {
            let rows = vec![vec!["web".to_owned(), what, why]];
            for line in lines(&rows, &GIVE, Some(columns)) {
                prop_assert!(width(&line) <= columns, "{line}");
            }
        }
    }
}
