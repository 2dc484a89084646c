//! A queue is cleared while its messages are at every stage of their way: what has begun to go out finishes, everything
//! else ends and never arrives.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use waxseal_testkit::smtp_peer::{Peer, Reaction, Script};

use crate::world::{World, mail};

/// Stages of a message's way, each with the command at which its peer says nothing. Each peer has an address of its own.
const STAGES: [(&str, &str); 5] =
    [("hello", "EHLO"), ("envelope", "RCPT"), ("data", "DATA"), ("content", "content"), ("end", ".")];

struct UnderWay {
    world: World,
    peers: BTreeMap<&'static str, Peer>,
}

/// A message at each stage, one that waits behind each of them, and one that is due tomorrow.
async fn under_way() -> UnderWay {
    let mut world = World::new().await;
    world.config.limits.per_destination = 1;
    world.peer(Script::new()).await;
    world.start().await;
    let mut peers = BTreeMap::new();
    for (number, (stage, command)) in (2..).zip(STAGES) {
        let ip = format!("127.0.0.{number}");
        let peer = world.peer_at(&ip, Script::new().on(command, [Reaction::Held])).await;
        let (domain, host) = (format!("{stage}.example"), format!("mx.{stage}.example"));
        let address: IpAddr = ip.parse().expect("an address");
        world.zone.mx(&domain, 10, &host).address_of(&host, address);
        // More than fits into the buffers between us: it cannot be out before it is read.
        let large = format!("Subject: large\r\n\r\n{}", "all work and no play\r\n".repeat(800_000));
        let content = if stage == "content" { large.into_bytes() } else { mail(&[]).content };
        world.send(crate::world::Mail { content, ..mail(&[&format!("first@{domain}")]) }).await;
        peer.wait_for(|seen| match command {
            "." => seen.contents == 1,
            "content" => seen.commands.iter().any(|line| line == "DATA"),
            _ => seen.commands.iter().any(|line| line.starts_with(command)),
        })
        .await;
        world.send(mail(&[&format!("second@{domain}")])).await;
        peers.insert(stage, peer);
    }
    world.send_later(mail(&["tomorrow@b.example"]), Duration::from_secs(86_400)).await;
    UnderWay { world, peers }
}

impl UnderWay {
    async fn clear(&self) -> u64 {
        self.world.store.clear_queue(self.world.account, self.world.domain).await.expect("cleared")
    }

    /// From now on everybody answers properly, after `end` for contents that were read.
    fn let_go(&self, end: Reaction) {
        for (stage, command) in STAGES {
            let reaction = if command == "." { end.clone() } else { Reaction::Proper };
            self.peers[stage].rescript(|script| script.set(command, [reaction]));
        }
    }

    /// How each recipient ended, and nothing else.
    async fn ends(&self) -> BTreeMap<String, Vec<String>> {
        let mut ends = BTreeMap::<String, Vec<String>>::new();
        for event in self.world.events().await {
            ends.entry(event.recipient().into()).or_default().push(event.short());
        }
        ends
    }

    fn arrived(&self) -> Vec<String> {
        let all = self.peers.values().flat_map(Peer::acknowledged);
        all.flat_map(|message| message.recipients).collect()
    }
}

/// What everybody but the two whose content was going out has come to.
fn dropped(but: &[&str]) -> BTreeMap<String, Vec<String>> {
    let recipients = STAGES
        .iter()
        .flat_map(|(stage, _)| [format!("first@{stage}.example"), format!("second@{stage}.example")]);
    let recipients = recipients.chain(["tomorrow@b.example".into()]);
    let ended = recipients.filter(|recipient| !but.contains(&recipient.as_str()));
    ended.map(|recipient| (recipient, vec!["permanent 600".into()])).collect()
}

const GOING_OUT: [&str; 2] = ["first@content.example", "first@end.example"];

#[tokio::test]
async fn everything_ends_at_once_but_what_is_going_out_which_finishes() {
    let under_way = under_way().await;
    assert_eq!(under_way.clear().await, 11);
    // Nobody has answered yet: the rest ends without them.
    under_way.world.wait_for_events(9).await;
    assert_eq!(under_way.ends().await, dropped(&GOING_OUT));
    under_way.let_go(Reaction::Proper);
    under_way.world.wait_for_events(11).await;
    let mut ends = dropped(&GOING_OUT);
    ends.extend(GOING_OUT.map(|recipient| (recipient.into(), vec!["delivered 250".into()])));
    assert_eq!(under_way.ends().await, ends);
    under_way.world.wait_until_idle().await;
    assert_eq!(under_way.world.queue().await.waiting, 0);
    assert_eq!(under_way.arrived(), GOING_OUT.map(|recipient| format!("TO:<{recipient}>")));
}

#[tokio::test]
async fn what_is_going_out_and_refused_for_now_is_not_tried_again() {
    let under_way = under_way().await;
    under_way.clear().await;
    under_way.let_go(Reaction::Say("451 4.3.0 later\r\n".into()));
    under_way.world.wait_for_events(12).await;
    let end = &under_way.ends().await["first@end.example"];
    assert_eq!(end, &["temporary 451", "permanent 600"]);
    under_way.world.wait_until_idle().await;
    assert_eq!(under_way.world.queue().await.waiting, 0);
}

#[tokio::test]
async fn whoever_dies_over_a_cleared_queue_delivers_nothing_of_it_afterwards() {
    let mut under_way = under_way().await;
    under_way.clear().await;
    under_way.world.kill();
    under_way.let_go(Reaction::Proper);
    under_way.world.start().await;
    under_way.world.send(mail(&["afterwards@hello.example"])).await;
    under_way.peers["hello"].wait_for_messages(1).await;
    under_way.world.wait_until_idle().await;
    under_way.world.later(Duration::from_secs(2 * 86_400));
    under_way.world.send(mail(&["later@hello.example"])).await;
    under_way.peers["hello"].wait_for_messages(2).await;
    under_way.world.wait_until_idle().await;
    let mut ends = under_way.ends().await;
    for recipient in ["afterwards@hello.example", "later@hello.example"] {
        assert_eq!(ends.remove(recipient), Some(vec!["delivered 250".into()]));
    }
    assert_eq!(ends, dropped(&[]), "each has one end");
    let events = under_way.world.events().await;
    let uncertain: Vec<_> = events
        .iter()
        .filter(|event| event.status().possible_duplicate)
        .map(|event| event.recipient())
        .collect();
    assert_eq!(uncertain, ["first@end.example"], "only that one had been sent to its end");
}
