//! A plan becomes a release: uv, Python, environments, assets, byte-compilation.

pub mod event;
