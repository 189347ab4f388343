"""What a scan of sslyze found besides the recommendation: tls_findings.py FILE. Prints a line for each question."""

import json
import sys

with open(sys.argv[1]) as scan:
    server = json.load(scan)["server_scan_results"][0]["scan_result"]


def of(scan):
    assert server[scan]["status"] == "COMPLETED", (scan, server[scan])
    return server[scan]["result"]


def tell(well, what):
    print("✓" if well else "✗", what)


tell(not of("heartbleed")["is_vulnerable_to_heartbleed"], "no Heartbleed (CVE-2014-0160)")
tell(not of("openssl_ccs_injection")["is_vulnerable_to_ccs_injection"], "no CCS injection (CVE-2014-0224)")
tell(of("robot")["robot_result"].startswith("NOT_VULNERABLE"), "no ROBOT: no key exchange by RSA")
tell(not of("tls_compression")["supports_compression"], "no compression by TLS (CRIME)")
tell(not of("tls_1_3_early_data")["supports_early_data"], "no early data: it can be replayed")
renegotiation = of("session_renegotiation")
tell(not renegotiation["is_vulnerable_to_client_renegotiation_dos"], "no renegotiation that a visitor asks for")
tell(of("tls_extended_master_secret")["supports_ems_extension"], "extended master secret (RFC 7627)")
for old in ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"]:
    tell(not of(f"{old}_cipher_suites")["accepted_cipher_suites"], f"no {old.replace('_', ' ', 1).replace('_', '.').upper()}")
accepted = of("tls_1_2_cipher_suites")["accepted_cipher_suites"] + of("tls_1_3_cipher_suites")["accepted_cipher_suites"]
names = [suite["cipher_suite"]["name"] for suite in accepted]
aead = [name for name in names if "GCM" in name or "CHACHA20" in name]
tell(names and names == aead, f"{len(names)} suites, each with authenticated encryption")
tell(all(suite["ephemeral_key"] for suite in of("tls_1_2_cipher_suites")["accepted_cipher_suites"]), "each with forward secrecy")
