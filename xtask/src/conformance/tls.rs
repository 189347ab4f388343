//! What sslyze says of the door's TLS, held against Mozilla's recommendation.

use std::process::{Command, ExitCode};

use super::running::free_port;
use super::{door, python};
use crate::{Result, workspace};

const PACKAGES: [&str; 1] = ["sslyze==6.3.1"];

/// What is tried beyond what the recommendation needs.
const SCANS: [&str; 10] = [
    "--certinfo",
    "--compression",
    "--early_data",
    "--elliptic_curves",
    "--ems",
    "--fallback",
    "--heartbleed",
    "--openssl_ccs",
    "--reneg",
    "--robot",
];

/// Reads the scan; prints what was found wrong, a line each.
const FINDINGS: &str = include_str!("tls_findings.py");

pub(crate) fn run() -> Result<ExitCode> {
    let python = python::with("tls", &PACKAGES)?;
    let (behind, http, https) = (free_port()?, free_port()?, free_port()?);
    let door = door::start(&door::Wish {
        https: Some(https),
        ..door::Wish::new(http, behind)
    })?;
    let scan = workspace::target().join("conformance/tls.json");
    let mut well = true;
    // The better one as well, to tell how far it is: it has no TLS 1.2 at all.
    for (profile, wanted) in [("intermediate", true), ("modern", false)] {
        let output = Command::new(&python)
            .args(["-m", "sslyze"])
            .arg(format!("--mozilla_config={profile}"))
            .args(SCANS)
            .arg("--certinfo_ca_file")
            .arg(door::local_ca(&door))
            .arg("--json_out")
            .arg(&scan)
            .arg(format!("localhost:{https}"))
            .output()?;
        let told = String::from_utf8_lossy(&output.stdout);
        let compliant = told.contains("OK - Compliant");
        println!("{} Mozilla {profile}", if compliant { "✓" } else { "–" });
        for line in told
            .lines()
            .filter(|line| line.trim_start().starts_with("* ") && !compliant)
        {
            if told.find(line) > told.find("COMPLIANCE") {
                println!("    {}", line.trim());
            }
        }
        well &= compliant || !wanted;
    }
    let output = Command::new(&python)
        .args(["-c", FINDINGS])
        .arg(&scan)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let findings = String::from_utf8(output.stdout)?;
    print!("{findings}");
    well &= !findings.contains('✗');
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
