//! Clients that people use: swaks, Python's smtplib, Postfix's smtp-source. Each is skipped where absent.

use std::process::Output;

use tokio::process::Command;
use waxseal_model::network::Network;

use crate::rig::{DOMAIN, LOGIN, Rig};

/// Runs a program; `None` (which is noted) where it is not installed.
async fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(program).args(arguments).output().await {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            crate::skip::note(&format!("missing: {program}"));
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn swaks_sends_in_every_way() {
    let rig = Rig::start().await;
    let (clear, tls) = (rig.submission.to_string(), rig.implicit_tls.to_string());
    let ways: [&[&str]; 4] = [
        &["--server", &clear, "--auth", "PLAIN"],
        &["--server", &clear, "--auth", "LOGIN", "--tls"],
        &["--server", &clear, "--auth", "PLAIN", "--tls", "--pipeline"],
        &["--server", &tls, "--auth", "LOGIN", "--tlsc"],
    ];
    for (count, way) in ways.into_iter().enumerate() {
        let shared = [
            "--auth-user",
            LOGIN,
            "--auth-password",
            &rig.password,
            "--from",
            LOGIN,
            "--to",
            "b@example.net",
        ];
        let Some(output) = run("swaks", &[way, &shared].concat()).await else { return };
        assert!(output.status.success(), "{way:?}: {}", text(&output));
        assert_eq!(rig.taken().await.len(), count + 1, "{way:?}");
    }
    let wrong = [
        "--server",
        &clear,
        "--auth",
        "PLAIN",
        "--auth-user",
        LOGIN,
        "--auth-password",
        "wrong",
        "--to",
        "b@example.net",
    ];
    let output = run("swaks", &wrong).await.expect("swaks is there");
    assert!(!output.status.success() && text(&output).contains("535 5.7.8"), "{}", text(&output));
}

const SMTPLIB: &str = r#"
import smtplib, ssl, sys
from email.message import EmailMessage
from email.policy import SMTP
host, port, tls_port, login, password, certificate = sys.argv[1:]
context = ssl.create_default_context(cafile=certificate)
message = EmailMessage()
message["From"], message["To"], message["Subject"] = login, "b@example.net", "Grüße"
message.set_content("..dots\n.\nünïcode\n")
with smtplib.SMTP("localhost", int(port)) as client:
    client.starttls(context=context)
    client.login(login, password)
    client.send_message(message)
    client.sendmail(login, ["c@example.net"], message.as_bytes(policy=SMTP), mail_options=["BODY=8BITMIME"])
with smtplib.SMTP_SSL("localhost", int(tls_port), context=context) as client:
    client.login(login, password)
    client.send_message(message)
    try:
        client.sendmail(login, ["not an address"], message.as_bytes())
    except smtplib.SMTPRecipientsRefused as refused:
        assert all(code == 501 for code, _ in refused.recipients.values()), refused.recipients
    else:
        raise SystemExit("a wrong address was taken")
"#;

#[tokio::test(flavor = "multi_thread")]
async fn smtplib_sends_under_tls() {
    let rig = Rig::start().await;
    let certificate = rig.folder.path().join("data/tls-cert.pem");
    let (port, tls_port) = (rig.submission.port().to_string(), rig.implicit_tls.port().to_string());
    let certificate = certificate.to_str().expect("a path");
    let arguments = ["-c", SMTPLIB, "localhost", &port, &tls_port, LOGIN, &rig.password, certificate];
    let Some(output) = run("python3", &arguments).await else { return };
    assert!(output.status.success(), "{}", text(&output));
    let taken = rig.taken().await;
    assert_eq!(taken.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn smtp_source_sends_many_in_parallel() {
    let rig = Rig::start().await;
    let network: Network = "127.0.0.0/8".parse().expect("a network");
    rig.accounts.create_network_credential(rig.account, network).await.expect("a network credential");
    let (from, server) = (format!("load@{DOMAIN}"), format!("inet:{}", rig.submission));
    for session in [&["-d"][..], &[]] {
        let before = rig.taken().await.len();
        let arguments = ["-s", "5", "-m", "40", "-l", "4096", "-f", &from, "-t", "b@example.net", &server];
        let program = if std::path::Path::new("/usr/sbin/smtp-source").exists() {
            "/usr/sbin/smtp-source"
        } else {
            "smtp-source"
        };
        let Some(output) = run(program, &[session, &arguments].concat()).await else { return };
        assert!(output.status.success(), "{}", text(&output));
        assert_eq!(rig.taken().await.len() - before, 40);
    }
}
