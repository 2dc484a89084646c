//! TLS where it is offered, and nothing without it where the sender says so.

use waxseal_model::options::DeliveryOptions;
use waxseal_testkit::smtp_peer::{Certificate, Script, StartTls};

use crate::world::{Event, Mail, World, mail};

/// One message to a peer with this script; whether its certificate is trusted by us.
async fn send(script: Script, trusted: bool, options: DeliveryOptions) -> (Event, Vec<bool>) {
    let mut world = World::new().await;
    let peer = world.peer(script).await;
    if trusted {
        let file = world.folder.path().join("ca.pem");
        peer.certificate().expect("a certificate").write_to(&file).expect("written");
        world.net.extra_ca = Some(file);
    }
    world.start().await;
    world.send(Mail { options, ..mail(&["bob@b.example"]) }).await;
    let event = world.wait_for_events(1).await.remove(0);
    world.wait_until_idle().await;
    let tls = peer.acknowledged().iter().map(|message| message.tls).collect();
    (event, tls)
}

fn require(require_tls: bool, skip_verification: bool) -> DeliveryOptions {
    DeliveryOptions { require_tls, skip_verification, ..DeliveryOptions::default() }
}

fn offers(name: &str) -> Script {
    Script::new().tls(Certificate::new(&[name]))
}

#[tokio::test]
async fn tls_is_used_where_it_is_offered_and_the_certificate_noted() {
    let (event, tls) = send(offers("mx.b.example"), false, require(false, false)).await;
    assert_eq!((event.status().tls, event.status().certificate_verified), (Some(true), Some(false)));
    assert_eq!(tls, [true]);
    let (event, _) = send(offers("mx.b.example"), true, require(false, false)).await;
    assert_eq!(event.status().certificate_verified, Some(true));
}

#[tokio::test]
async fn required_tls_wants_a_good_certificate() {
    let (event, tls) = send(offers("mx.b.example"), true, require(true, false)).await;
    assert_eq!((event.short().as_str(), tls.as_slice()), ("delivered 250", &[true][..]));
    for (script, trusted, why) in [
        (offers("mx.b.example"), false, "TLS required: certificate of an unknown issuer"),
        (offers("x.example"), true, "TLS required: certificate for another name"),
        (
            Script::new().tls(Certificate::expired(&["mx.b.example"])),
            true,
            "TLS required: certificate expired",
        ),
        (Script::new(), false, "TLS required but not offered by the server"),
    ] {
        let (event, tls) = send(script, trusted, require(true, false)).await;
        assert_eq!((event.short().as_str(), event.status().description.as_str()), ("temporary 499", why));
        assert!(tls.is_empty(), "nothing is sent");
    }
}

#[tokio::test]
async fn required_tls_without_verification_takes_any_certificate_but_no_plaintext() {
    let (event, tls) = send(offers("x.example"), false, require(true, true)).await;
    assert_eq!((event.short().as_str(), tls.as_slice()), ("delivered 250", &[true][..]));
    for script in [Script::new(), offers("mx.b.example").starttls(StartTls::Alert)] {
        let (event, tls) = send(script, false, require(true, true)).await;
        assert_eq!(event.short(), "temporary 499");
        assert!(tls.is_empty(), "nothing is sent");
    }
}

#[tokio::test]
async fn a_message_that_requires_tls_does_not_go_over_an_open_plaintext_connection() {
    let mut world = World::new().await;
    world.config.limits.per_destination = 1;
    let peer = world.peer(Script::new()).await;
    world.start().await;
    world.send(mail(&["bob@b.example"])).await;
    world.wait_for_events(1).await;
    world.send(Mail { options: require(true, true), ..mail(&["eve@b.example"]) }).await;
    let events = world.wait_for_events(2).await;
    assert_eq!(events[1].short(), "temporary 499");
    assert_eq!(peer.acknowledged().len(), 1);
}
