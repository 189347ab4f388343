//! Temporary homes, fixture projects, wait-until, snapshot filters.
