# The daily commands. Each is a line that can be typed by hand as well.

[private]
default:
    @just --list --unsorted

# Everything that runs before a merge.
check:
    cargo xtask test

# Tests whose name holds FILTER.
test *FILTER:
    cargo nextest run --workspace {{ FILTER }}

# Formats, and writes the generated pages anew.
generate:
    cargo fmt --all
    cargo xtask generate

# Brings up the example.
demo:
    cargo run --release -- up examples/talkshow

# The figures of a deploy.
bench *ARGUMENTS:
    cargo xtask bench deploy {{ ARGUMENTS }}
