//! `cargo xtask fuzz`: our readers under libFuzzer, with the compiler that everything else is built
//! with. The same targets run on every `cargo xtask test`, without looking at what they reach.
//!
//! What libFuzzer needs of the compiler are passes of LLVM, which are no matter of nightly; only
//! sanitizers would be, and what may be unsafe is no part of what is read here.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use ship_base::file;

use crate::{Result, workspace};

/// What `cargo xtask fuzz` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only targets whose name holds one of these
    #[arg(value_name = "TARGET")]
    only: Vec<String>,
    /// Seconds of each target
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    seconds: u32,
}

/// What cargo-fuzz gives to the compiler where no sanitizer is wanted.
const INSTRUMENTED: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    --cfg fuzzing";

/// More of a target than this, in MiB, is a fault.
const MOST_MEMORY: u32 = 2048;

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let root = workspace::root();
    let names = names(&root.join("fuzz/seeds"))?;
    let wanted = |name: &&String| {
        arguments.only.is_empty()
            || arguments
                .only
                .iter()
                .any(|part| name.contains(part.as_str()))
    };
    let chosen: Vec<&String> = names.iter().filter(wanted).collect();
    if chosen.is_empty() {
        return Err(format!("no target has such a name; there are {}", names.join(", ")).into());
    }
    let program = build(&root)?;
    let mut well = true;
    for name in chosen {
        well &= drive(&root, &program, name, arguments.seconds)?;
    }
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Each target has a folder of seeds; a test of its crate holds that.
fn names(seeds: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in file::entries(seeds)? {
        names.extend(entry.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// The versions of the workspace, and libFuzzer beside them.
fn build(root: &Path) -> Result<PathBuf> {
    let fuzz = root.join("fuzz");
    let lock = file::read(&root.join("Cargo.lock"))?;
    file::write_whole(&fuzz.join("Cargo.lock"), &lock)?;
    let (host, target) = (host()?, workspace::target().join("fuzz"));
    let built = Command::new(env!("CARGO"))
        .current_dir(&fuzz)
        .args(["build", "--release", "--target-dir"])
        .arg(&target)
        // A target of its own: build scripts and macros are not instrumented.
        .args(["--target", &host])
        .env("RUSTFLAGS", INSTRUMENTED)
        .status()?;
    if !built.success() {
        return Err("the targets do not build".into());
    }
    Ok(target.join(host).join("release/target"))
}

/// The platform that the compiler builds for.
fn host() -> Result<String> {
    let output = Command::new("rustc")
        .args(["--print", "host-tuple"])
        .output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Runs one; what it finds new is kept for the next time in `fuzz/corpus`. Whether nothing broke.
fn drive(root: &Path, program: &Path, name: &str, seconds: u32) -> Result<bool> {
    let fuzz = root.join("fuzz");
    let (corpus, broken) = (fuzz.join("corpus").join(name), fuzz.join("artifacts"));
    file::create_folder(&corpus)?;
    file::create_folder(&broken)?;
    let output = Command::new(program)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-rss_limit_mb={MOST_MEMORY}"))
        .arg(format!("-artifact_prefix={}/{name}-", broken.display()))
        .args(["-timeout=10", "-max_len=4096", "-print_final_stats=1"])
        .arg(&corpus)
        .arg(fuzz.join("seeds").join(name))
        .env("SHIP_FUZZ", name)
        .stdin(Stdio::null())
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    let well = output.status.success();
    println!(
        "{} {name:<24} {}",
        if well { "✓" } else { "✗" },
        summary(&told)
    );
    if !well {
        for line in told.lines().filter(|line| speaks_of_failure(line)) {
            println!("    {line}");
        }
        println!("    a copy in fuzz/seeds/{name} makes it a test");
    }
    Ok(well)
}

fn speaks_of_failure(line: &str) -> bool {
    [
        "panicked at",
        "assertion",
        "  left:",
        " right:",
        "ERROR:",
        "Test unit written to",
    ]
    .iter()
    .any(|word| line.contains(word))
}

/// How many inputs were tried, and how much of the code they reached.
fn summary(told: &str) -> String {
    let number = |name: &str| {
        let line = told.lines().find(|line| line.contains(name))?;
        line.split_whitespace().next_back()
    };
    let reached = told.lines().rev().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "cov:")?;
        words.get(at + 1).copied()
    });
    format!(
        "{} inputs, {} places reached",
        number("stat::number_of_executed_units").unwrap_or("0"),
        reached.unwrap_or("0")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_is_summed_up() {
        let told = "#2 INITED cov: 12 ft: 13 corp: 1/1b\n#9 NEW    cov: 15 ft: 20\nDone 10 runs\n\
                    stat::number_of_executed_units: 1000\n";
        assert_eq!(summary(told), "1000 inputs, 15 places reached");
    }
}
