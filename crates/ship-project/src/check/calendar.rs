//! When versions end: who still gets security fixes on a given day.

/// The last day on which a series of Django gets security fixes.
///
/// Source: <https://www.djangoproject.com/download/#supported-versions>; ends given by month are
/// the last day of that month.
pub(super) const DJANGOS: &[(&str, &str)] = &[
    ("1", "2020-04-01"),
    ("2.0", "2019-04-01"),
    ("2.1", "2019-12-02"),
    ("2.2", "2022-04-11"),
    ("3.0", "2021-04-06"),
    ("3.1", "2021-12-07"),
    ("3.2", "2024-04-01"),
    ("4.0", "2023-04-01"),
    ("4.1", "2023-12-01"),
    ("4.2", "2026-04-30"),
    ("5.0", "2025-04-02"),
    ("5.1", "2025-12-31"),
    ("5.2", "2028-04-30"),
    ("6.0", "2027-04-30"),
];

/// The day of the end of the series that `version` belongs to.
pub(super) fn end(
    table: &'static [(&'static str, &'static str)],
    version: &str,
) -> Option<(&'static str, &'static str)> {
    table.iter().copied().find(|(series, _)| {
        version
            .strip_prefix(series)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_belongs_to_its_series() {
        assert_eq!(end(DJANGOS, "99.1"), None);
        assert_eq!(end(DJANGOS, "1.11.29"), Some(("1", "2020-04-01")));
        assert_eq!(end(DJANGOS, "4.2.3"), Some(("4.2", "2026-04-30")));
    }
}
