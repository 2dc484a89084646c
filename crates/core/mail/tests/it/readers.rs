//! Another reader, Python's, sees in our messages what we put there, and finds no fault in them.

use std::process::{Command, Stdio};

use waxseal_mail::{
    build::{Draft, File},
    parse_list,
};
use waxseal_model::Timestamp;

const READER: &str = r#"
import sys, email, email.policy
mime = sys.stdin.buffer.read()
for policy in (email.policy.default, email.policy.SMTPUTF8):
    message = email.message_from_bytes(mime, policy=policy)
    for name in ("from", "to", "subject", "x-mine"):
        value = message[name]
        print(name, "|", value)
        for defect in value.defects:
            print("defect", name, defect)
    for part in message.walk():
        for defect in part.defects:
            print("defect", defect)
        print(part.get_content_type(), "|", part.get_content_disposition(), "|", part.get_filename(), "|", part["content-id"])
        if part.get_content_maintype() == "text":
            print(repr(part.get_content()))
    print("--")
old = email.message_from_bytes(mime)
print([part.get_filename() for part in old.walk() if part.get_filename()])
"#;

fn read_by_python(mime: &[u8]) -> Option<String> {
    let python = std::env::var("WAXSEAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut child = Command::new(python)
        .args(["-X", "utf8", "-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    std::io::Write::write_all(&mut child.stdin.take()?, mime).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the reader failed");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn python_reads_what_was_written() {
    let from = parse_list("\"Zoë \\\"Z\\\" Quinn, M.D.\" <zoe@münchen.example>", 1).unwrap();
    let to = parse_list("\"Last, First\" <a@b.example>, 漢字の名前 <c@d.example>", 9).unwrap();
    let subject = "Grüße 🎉 — ein sehr langer Betreff, der gewiss nicht auf eine einzige Zeile paßt, auch nicht auf zwei";
    let long = "word ".repeat(1_000);
    let headers = [("X-Mine".to_owned(), long.trim().to_owned())];
    let file = |name| File { name, content_type: None, bytes: b"\x00\xff" };
    let attachments = [
        file("räport; \"1\".pdf"),
        file("plain name.pdf"),
        file("漢字の長い名前がここにありますから折り返しになりますよ.pdf"),
    ];
    let inline = [file("logo.png")];
    let draft = Draft {
        from: &from,
        sender: None,
        to: &to,
        cc: &[],
        subject: Some(subject),
        text: Some("Grüße\n.\nFrom me\n"),
        html: Some("<p>x</p>"),
        amp_html: None,
        headers: &headers,
        attachments: &attachments,
        inline: &inline,
        message_id: "1@example.org",
        date: Timestamp::from_secs(1),
    };
    let mime = draft.build(&[3; 16], 1 << 20).unwrap();
    let Some(read) = read_by_python(&mime) else { return crate::skip::note("missing: Python") };
    let expect = [
        "from | \"Zoë \\\"Z\\\" Quinn, M.D.\" <zoe@xn--mnchen-3ya.example>",
        "to | \"Last, First\" <a@b.example>, 漢字の名前 <c@d.example>",
        &format!("subject | {subject}"),
        &format!("x-mine | {}", long.trim()),
        "text/plain | None | None | None",
        "'Grüße\\r\\n.\\r\\nFrom me\\r\\n'",
        "image/png | inline | logo.png | <logo.png>",
        "application/pdf | attachment | räport; \"1\".pdf | None",
        "application/pdf | attachment | plain name.pdf | None",
        "application/pdf | attachment | 漢字の長い名前がここにありますから折り返しになりますよ.pdf | None",
        "['logo.png', 'räport; \"1\".pdf', 'plain name.pdf', '漢字の長い名前がここにありますから折り返しになりますよ.pdf']",
    ];
    for line in expect {
        assert!(
            read.replace("'utf-8'", "").lines().any(|known| known == line),
            "missing: {line}\nin: {read}"
        );
    }
    assert!(!read.contains("defect"), "{read}");
}
