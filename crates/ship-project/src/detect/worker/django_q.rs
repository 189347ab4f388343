//! Django Q: <https://django-q2.readthedocs.io>.

use super::{DEPTH, Search, View, Worker};

pub(super) fn look(search: &Search<'_>) -> Vec<Worker> {
    let Some(place) = search.installed("django_q") else {
        return Vec::new();
    };
    let needs = search
        .setting("Q_CLUSTER")
        .and_then(|(module, binding)| search.variable_in(&View::of(module), &binding.value, DEPTH));
    let worker = search.managed(&["qcluster"], "Django Q", place);
    worker
        .map(|worker| worker.needing(needs))
        .into_iter()
        .collect()
}
