//! Takes events in, answers questions: the log store.
