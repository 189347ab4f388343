//! Random small process trees: after a stop, nothing of them is left.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::stage::{Stage, wait_until};

/// A process of a tree.
#[derive(Debug, Clone)]
struct Node {
    own_session: bool,
    ignores_sigterm: bool,
    /// Ends after starting its children, which become orphans.
    leaves: bool,
    children: Vec<Node>,
}

impl Node {
    /// As a shell line; every process that stays adds a line to `pids`.
    fn line(&self) -> String {
        let trap = if self.ignores_sigterm {
            "trap \"\" TERM; "
        } else {
            ""
        };
        let children: Vec<_> = self
            .children
            .iter()
            .map(|child| child.command() + " & ")
            .collect();
        let children = children.concat();
        let end = if self.leaves {
            "true"
        } else {
            "echo $$ >> pids; while :; do sleep 1000; done"
        };
        format!("{trap}{children}{end}")
    }

    fn command(&self) -> String {
        let setsid = if self.own_session { "setsid " } else { "" };
        format!("{setsid}sh -c '{}'", self.line().replace('\'', r"'\''"))
    }

    fn count(&self) -> usize {
        usize::from(!self.leaves) + self.children.iter().map(Self::count).sum::<usize>()
    }
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = (any::<bool>(), any::<bool>()).prop_map(|(own_session, ignores_sigterm)| Node {
        own_session,
        ignores_sigterm,
        leaves: false,
        children: Vec::new(),
    });
    leaf.prop_recursive(3, 6, 3, |inner| {
        (
            any::<(bool, bool, bool)>(),
            proptest::collection::vec(inner, 1..3),
        )
            .prop_map(|((own_session, ignores_sigterm, leaves), children)| Node {
                own_session,
                ignores_sigterm,
                leaves,
                children,
            })
    })
}

#[test]
fn nothing_is_left_of_any_tree() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(Config {
        cases: 200,
        failure_persistence: None,
        ..Config::default()
    });
    let check = |root: Node| {
        runtime.block_on(stops_whole(Node {
            leaves: false,
            ..root
        }))
    };
    runner.run(&node(), check).unwrap();
}

async fn stops_whole(root: Node) -> Result<(), TestCaseError> {
    let stage = Stage::new();
    let keeper = stage.start(&stage.shell(&root.line())).await;
    let pids = || std::fs::read_to_string(stage.path("pids")).unwrap_or_default();
    wait_until(|| pids().lines().count() == root.count()).await;
    let keys: Vec<_> = pids()
        .lines()
        .filter_map(|pid| ship_run::process::ProcessKey::of(pid.parse().ok()?))
        .collect();
    prop_assert_eq!(keys.len(), root.count());
    keeper.stop(Duration::from_millis(20)).await.unwrap();
    prop_assert!(keys.iter().all(|key| !key.is_alive()));
    Ok(())
}
