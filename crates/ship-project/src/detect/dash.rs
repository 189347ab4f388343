//! Dash: <https://dash.plotly.com>.

use crate::detect::Row;

pub(super) const ROW: Row = Row {
    key: "dash",
    label: "Dash",
    package: "dash",
    classes: &[],
};
