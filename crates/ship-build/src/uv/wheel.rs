//! The pinned wheel of uv, per kind of machine.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;

use crate::error::Error;

/// The pinned version.
pub(super) const VERSION: &str = "0.13.8";

/// The program is some 60 MB; an archive that claims far more is not what was pinned.
const LARGEST: u64 = 512 << 20;

/// A wheel as its index publishes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wheel {
    os: &'static str,
    arch: &'static str,
    musl: bool,
    pub(super) file: &'static str,
    /// In lower-case hexadecimal, as the index publishes it.
    pub(super) sha256: &'static str,
}

const WHEELS: &[Wheel] = &[
    Wheel {
        os: "linux",
        arch: "x86_64",
        musl: false,
        file: "uv-0.13.8-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        sha256: "e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984",
    },
    Wheel {
        os: "linux",
        arch: "x86_64",
        musl: true,
        file: "uv-0.13.8-py3-none-musllinux_1_1_x86_64.whl",
        sha256: "29451c60f5e8b07403e0a175d5229efc36b0289b34143ff4aaa499a5dd52553a",
    },
    Wheel {
        os: "linux",
        arch: "aarch64",
        musl: false,
        file: "uv-0.13.8-py3-none-manylinux_2_28_aarch64.whl",
        sha256: "5337c30bb893b4f9ce0ceb921ba2da0d13f649da644f40ad3bef84083bef0203",
    },
    Wheel {
        os: "linux",
        arch: "aarch64",
        musl: true,
        file: "uv-0.13.8-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl",
        sha256: "0b3e8b1a4f5e405e31e2ff33de8af4744831e9f7338539671efbd8c3c94e791d",
    },
    Wheel {
        os: "macos",
        arch: "x86_64",
        musl: false,
        file: "uv-0.13.8-py3-none-macosx_10_12_x86_64.whl",
        sha256: "b7124ca1956ec2e476a1003ea5715a15f0266afaec37f4dc9c6972ba8183e6d1",
    },
    Wheel {
        os: "macos",
        arch: "aarch64",
        musl: false,
        file: "uv-0.13.8-py3-none-macosx_11_0_arm64.whl",
        sha256: "62b6943c7fd64fac6854f780bea6e0359e5a5bc3241f83ee357bb38276afac49",
    },
];

/// The wheel for this machine. The musl build has no need of a C library, but the glibc build
/// looks names up as the rest of the system does, so it comes first where glibc is.
pub(super) fn of_this_machine() -> Option<&'static Wheel> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let of = |musl| {
        WHEELS
            .iter()
            .find(|wheel| (wheel.os, wheel.arch, wheel.musl) == (os, arch, musl))
    };
    of(has_musl_only(os))
}

/// Alpine and its like: musl's loader is there, and glibc's is not.
fn has_musl_only(os: &str) -> bool {
    let loader = |name: &str| {
        let there =
            |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(name);
        ["/lib", "/lib64"].iter().any(|folder| {
            ship_base::file::entries(folder.as_ref()).is_ok_and(|entries| entries.iter().any(there))
        })
    };
    os == "linux" && loader("ld-musl-") && !loader("ld-linux")
}

/// Takes the program, and nothing else, out of a wheel.
pub(super) fn program(wheel: &[u8]) -> Result<Vec<u8>, Error> {
    let name = format!("uv-{VERSION}.data/scripts/uv");
    let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| Error::Unreadable {
        what: "the wheel of uv".to_owned(),
        source,
    };
    let mut archive = ZipArchive::new(Cursor::new(wheel)).map_err(|e| unreadable(e.into()))?;
    let file = archive.by_name(&name).map_err(|e| unreadable(e.into()))?;
    let mut program = Vec::new();
    file.take(LARGEST)
        .read_to_end(&mut program)
        .map_err(|e| unreadable(e.into()))?;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wheel_is_of_the_pinned_version_and_has_a_whole_hash() {
        for wheel in WHEELS {
            assert!(wheel.file.starts_with(&format!("uv-{VERSION}-py3-none-")));
            assert_eq!(wheel.sha256.len(), 64);
            assert!(wheel.sha256.parse::<ship_base::hash::ContentHash>().is_ok());
        }
    }

    #[test]
    fn there_is_one_wheel_per_kind_of_machine() {
        let mut kinds: Vec<_> = WHEELS.iter().map(|w| (w.os, w.arch, w.musl)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), WHEELS.len());
    }
}
