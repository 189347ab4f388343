//! What the log store promises, through its public face.
#![expect(
    clippy::disallowed_methods,
    reason = "tests look at the files themselves"
)]

use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use ship_base::clock::Moment;
use ship_base::name::{InstanceId, ReleaseId};
use ship_observe::log_store::{
    Entry, Follower, LONGEST_LINE, Line, LineCutter, PIECE, Part, Query, Stream, Writer, query,
};
use tempfile::TempDir;

/// 2025-11-21T08:00Z; the times of the tests lie after it and before today.
const START: i64 = 1_763_712_000_000;

/// More than a test writes, where nothing is to be rotated away.
const AMPLE: u64 = 1 << 30;

/// An app's logs and one writer per instance and release, as keepers would hold them.
struct Logs {
    folder: TempDir,
    cap: u64,
    writers: Vec<(InstanceId, ReleaseId, Writer)>,
}

impl Logs {
    fn with_cap(cap: u64) -> Self {
        Self {
            // In memory where the system has such a folder: the disk is not at stake here.
            folder: tempfile::tempdir_in("/dev/shm")
                .or_else(|_| tempfile::tempdir())
                .unwrap(),
            cap,
            writers: Vec::new(),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&mut self, line: &Line) {
        let found = self.writers.iter().position(|(instance, release, _)| {
            *instance == line.instance && *release == line.release
        });
        let at = found.unwrap_or_else(|| {
            let folder = self.path().join(line.instance.process.as_str());
            let writer = Writer::open(&folder, self.cap);
            self.writers
                .push((line.instance.clone(), line.release, writer));
            self.writers.len() - 1
        });
        self.writers[at].2.write(&Entry {
            at: line.at,
            instance: &line.instance,
            release: line.release,
            stream: line.stream,
            part: Part::Whole,
            text: &line.text,
        });
    }

    fn write_all(&mut self, lines: &[Line]) {
        for line in lines {
            self.write(line);
        }
    }

    fn ask(&self, asked: &Query) -> Vec<Line> {
        query(self.path(), asked)
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    fn all(&self) -> Vec<Line> {
        self.ask(&Query::default())
    }

    fn segments(&self, process: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path().join(process)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

fn line(millis: i64, instance: &str, release: u32, text: impl AsRef<[u8]>) -> Line {
    Line {
        at: Moment::from_millis(START + millis),
        instance: instance.parse().unwrap(),
        release: ReleaseId::new(release),
        stream: Stream::Out,
        text: text.as_ref().to_vec(),
    }
}

fn streams() -> impl Strategy<Value = Stream> {
    prop_oneof![Just(Stream::Out), Just(Stream::Err), Just(Stream::Ship)]
}

fn instances() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("blog/web.1"),
        Just("blog/web.2"),
        Just("blog/worker.1"),
        Just("blog/nightly.1"),
    ]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(
        any::<u8>().prop_filter("a line has no end in it", |byte| *byte != b'\n'),
        0..60,
    )
}

/// Lines of several instances and releases, each with a time of its own, oldest first.
fn lines(text: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<Line>> {
    vec((1i64..100, instances(), 1u32..4, streams(), text), 0..80).prop_map(|parts| {
        let mut now = 0;
        let line = |(later, instance, release, stream, text): (i64, _, _, _, Vec<u8>)| {
            now += later;
            Line {
                stream,
                ..line(now, instance, release, text)
            }
        };
        parts.into_iter().map(line).collect()
    })
}

fn queries() -> impl Strategy<Value = Query> {
    use proptest::option::of;
    let moments = || of((0i64..4000).prop_map(|millis| Moment::from_millis(START + millis)));
    let processes = prop_oneof![Just("web"), Just("worker"), Just("unknown")];
    (
        of(processes),
        of(1u32..5),
        moments(),
        moments(),
        of("[ab]{0,2}"),
        of(0usize..30),
    )
        .prop_map(|(process, release, since, until, grep, tail)| Query {
            process: process.map(|name| name.parse().unwrap()),
            release: release.map(ReleaseId::new),
            since,
            until,
            grep,
            tail,
        })
}

/// A query, the slow and obvious way.
fn naive(lines: &[Line], asked: &Query) -> Vec<Line> {
    let holds = |line: &Line| {
        asked
            .process
            .as_ref()
            .is_none_or(|process| line.instance.process == *process)
            && asked.release.is_none_or(|release| line.release == release)
            && asked.since.is_none_or(|since| since <= line.at)
            && asked.until.is_none_or(|until| line.at < until)
            && asked
                .grep
                .as_ref()
                .is_none_or(|grep| line.lossy().contains(grep))
    };
    let mut found: Vec<Line> = lines.iter().filter(|line| holds(line)).cloned().collect();
    found.drain(..found.len().saturating_sub(asked.tail.unwrap_or(usize::MAX)));
    found
}

proptest! {
    #[test]
    fn any_bytes_come_back_as_they_went_in(lines in lines(bytes())) {
        let mut logs = Logs::with_cap(AMPLE);
        logs.write_all(&lines);
        prop_assert_eq!(logs.all(), lines);
    }

    #[test]
    fn a_query_finds_what_a_naive_filter_finds(
        lines in lines("[abc]{0,5}".prop_map(String::into_bytes)),
        queries in vec(queries(), 1..5),
    ) {
        let mut logs = Logs::with_cap(AMPLE);
        logs.write_all(&lines);
        for asked in queries {
            prop_assert_eq!(logs.ask(&asked), naive(&lines, &asked), "{:?}", asked);
        }
    }

    #[test]
    fn a_follower_gives_every_line_once(
        lines in lines(bytes()),
        polls in vec(any::<bool>(), 80),
        tail in proptest::option::of(0usize..10),
    ) {
        let mut logs = Logs::with_cap(AMPLE);
        let asked = Query { tail, ..Query::default() };
        let (before, after) = lines.split_at(lines.len() / 2);
        logs.write_all(before);
        let mut follower = Follower::new(logs.path(), asked.clone());
        let mut seen = follower.poll().unwrap();
        for (line, polled) in after.iter().zip(polls) {
            logs.write(line);
            if polled {
                seen.extend(follower.poll().unwrap());
            }
        }
        seen.extend(follower.poll().unwrap());
        let mut expected = naive(before, &asked);
        expected.extend_from_slice(after);
        prop_assert_eq!(seen, expected);
    }

}

proptest! {
    // Each case writes hundreds of lines.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rotation_takes_the_oldest_lines_and_no_others(
        lengths in vec(0usize..2000, 1..400),
        cap in 64u64..256,
    ) {
        let cap = cap * 1024;
        let mut logs = Logs::with_cap(cap);
        let line = |(at, length): (usize, &usize)| {
            line(i64::try_from(at).unwrap(), "blog/web.1", 1, vec![b'x'; *length])
        };
        let lines: Vec<Line> = lengths.iter().enumerate().map(line).collect();
        logs.write_all(&lines);
        let kept = logs.all();
        prop_assert!(lines.ends_with(&kept));
        let size = |path: &PathBuf| path.metadata().unwrap().len();
        let on_disk: u64 = logs.segments("web").iter().map(size).sum();
        prop_assert!(on_disk <= cap + 2048, "{on_disk} of {cap}");
        if kept.len() < lines.len() {
            prop_assert!(on_disk >= cap / 2, "only {on_disk} of {cap} kept");
        }
    }

    #[test]
    fn long_lines_are_whole_again_however_many_are_wanted(
        lengths in vec(0usize..3 * PIECE, 1..8),
        tail in 1usize..5,
    ) {
        let mut logs = Logs::with_cap(AMPLE);
        let line = |(at, length): (usize, &usize)| {
            line(i64::try_from(at).unwrap(), "blog/web.1", 1, vec![b'x'; *length])
        };
        let lines: Vec<Line> = lengths.iter().enumerate().map(line).collect();
        logs.write_all(&lines);
        let asked = Query { tail: Some(tail), ..Query::default() };
        prop_assert_eq!(logs.ask(&asked), naive(&lines, &asked));
        prop_assert_eq!(logs.all(), lines);
    }
}

#[test]
fn lines_of_one_moment_keep_their_order_over_a_rotation() {
    let mut logs = Logs::with_cap(64 * 1024);
    let lines: Vec<Line> = (0..300)
        .map(|number| line(0, "blog/web.1", 1, format!("{number:0100}")))
        .collect();
    logs.write_all(&lines);
    assert!(logs.segments("web").len() > 2, "it must rotate");
    assert_eq!(logs.all(), lines);
    let asked = Query {
        tail: Some(100),
        ..Query::default()
    };
    assert_eq!(logs.ask(&asked), lines[200..]);
}

#[test]
fn keepers_that_share_a_cap_lose_only_their_oldest_lines() {
    const KEEPERS: u32 = 4;
    const LINES: i64 = 3000;
    let logs = Logs::with_cap(AMPLE);
    std::thread::scope(|scope| {
        for index in 1..=KEEPERS {
            let folder = logs.path().join("web");
            scope.spawn(move || {
                let mut writer = Writer::open(&folder, 128 * 1024);
                let instance: InstanceId = format!("blog/web.{index}").parse().unwrap();
                for number in 0..LINES {
                    writer.write(&Entry {
                        at: Moment::from_millis(START + number),
                        instance: &instance,
                        release: ReleaseId::new(1),
                        stream: Stream::Out,
                        part: Part::Whole,
                        text: format!("{number:050}").as_bytes(),
                    });
                }
                assert_eq!(writer.dropped(), 0);
            });
        }
    });
    let mut last = vec![];
    for index in 1..=KEEPERS {
        let mut kept = logs.all();
        kept.retain(|line| line.instance.index == index);
        let numbers = kept.iter().map(|line| line.lossy().parse::<i64>().unwrap());
        assert!(
            numbers
                .rev()
                .zip((0..LINES).rev())
                .all(|(kept, wrote)| kept == wrote)
        );
        last.extend(kept.pop());
    }
    assert!(!last.is_empty(), "the keeper that wrote last has its lines");
}

#[test]
fn a_follower_goes_on_across_rotations_processes_and_releases() {
    let mut logs = Logs::with_cap(64 * 1024);
    let mut follower = Follower::new(logs.path(), Query::default());
    assert_eq!(follower.poll().unwrap(), []);
    for number in 0..2000u32 {
        let instance = ["blog/web.1", "blog/web.2", "blog/late.1"][number as usize / 700];
        let release = 1 + number / 500;
        let line = line(i64::from(number), instance, release, vec![b'x'; 200]);
        logs.write(&line);
        assert_eq!(follower.poll().unwrap(), [line]);
    }
}

#[test]
fn a_line_torn_by_a_crash_is_passed_over_and_the_rest_stands() {
    let mut logs = Logs::with_cap(AMPLE);
    logs.write(&line(1, "blog/web.1", 1, "whole"));
    let segment = &logs.segments("web")[0];
    let torn = [
        fs::read(segment).unwrap().as_slice(),
        b"2025-11-21T08:00:01",
    ]
    .concat();
    fs::write(segment, torn).unwrap();
    // The keeper's successor.
    logs.writers.clear();
    logs.write(&line(2, "blog/web.1", 1, "after"));
    let texts: Vec<_> = logs.all().into_iter().map(|line| line.text).collect();
    assert_eq!(texts, [b"whole", b"after"]);
    let tail = Query {
        tail: Some(2),
        ..Query::default()
    };
    assert_eq!(logs.ask(&tail).len(), 2);
}

#[test]
fn two_keepers_of_one_instance_in_one_millisecond_share_no_file() {
    let mut logs = Logs::with_cap(AMPLE);
    logs.write(&line(1, "blog/web.1", 1, "first"));
    logs.writers.clear();
    logs.write(&line(1, "blog/web.1", 1, "second"));
    assert_eq!(logs.segments("web").len(), 2);
    assert_eq!(logs.all().len(), 2);
}

#[test]
fn an_endless_line_costs_a_mebibyte_and_a_mark() {
    let mut logs = Logs::with_cap(AMPLE);
    logs.write(&line(1, "blog/web.1", 1, vec![b'x'; 3 * LONGEST_LINE]));
    let lines = logs.all();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].text.ends_with(" … (line cut at 1 MiB)".as_bytes()));
    assert!(lines[0].text.len() < LONGEST_LINE + 100);
}

#[test]
fn a_long_line_is_not_torn_by_a_rotation() {
    let mut logs = Logs::with_cap(1024 * 1024);
    let lines = [1, 2, 3].map(|number| line(number, "blog/web.1", 1, vec![b'x'; 3 * PIECE]));
    logs.write_all(&lines);
    assert!(logs.segments("web").len() > 1, "it must rotate");
    assert_eq!(logs.all(), lines);
}

#[test]
fn a_remark_of_several_lines_becomes_several_lines() {
    let mut logs = Logs::with_cap(AMPLE);
    logs.write(&line(1, "blog/web.1", 1, "one\n\ntwo"));
    let texts: Vec<_> = logs.all().into_iter().map(|line| line.text).collect();
    assert_eq!(texts, [b"one".as_slice(), b"", b"two"]);
}

#[test]
fn a_line_that_came_in_pieces_through_a_pipe_is_found_by_what_spans_them() {
    let logs = Logs::with_cap(AMPLE);
    let instance: InstanceId = "blog/web.1".parse().unwrap();
    let mut writer = Writer::open(&logs.path().join("web"), AMPLE);
    let mut cutter = LineCutter::new();
    let mut bytes = vec![b'x'; PIECE - 3];
    bytes.extend_from_slice(b"needle and more\n");
    for chunk in bytes.chunks(1000) {
        cutter.feed(chunk, |text, part| {
            writer.write(&Entry {
                at: Moment::from_millis(START),
                instance: &instance,
                release: ReleaseId::new(1),
                stream: Stream::Out,
                part,
                text,
            });
        });
    }
    let asked = Query {
        grep: Some("needle".to_owned()),
        ..Query::default()
    };
    assert_eq!(logs.ask(&asked).len(), 1);
}

/// The format of the first release: kept as it was written, read for ever.
#[test]
fn segments_of_format_1_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/log1");
    let lines: Vec<Line> = query(&folder, &Query::default())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let shown: Vec<String> = lines
        .iter()
        .map(|line| {
            let Line {
                at,
                instance,
                release,
                ..
            } = line;
            format!(
                "{at} {instance} {release} {} {:?}",
                line.stream.as_str(),
                line.lossy()
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "2025-11-21T08:00:00.005Z blog/web.1 r7 ship \"started as process 4211\"",
            "2025-11-21T08:00:00.300Z blog/web.1 r7 out \"GET / 200\"",
            "2025-11-21T08:00:00.302Z blog/web.1 r7 err \"\u{fffd}\\0 bytes\"",
            "2025-11-21T08:00:00.304Z blog/web.1 r7 out \"a long line joined\"",
            "2025-11-21T08:00:01.000Z blog/web.1 r7 err \"after the power cut\"",
        ]
    );
}
