//! Releases on disk: layout, content address, current and previous, retention, records.
