//! A record says where reports go, or it says nothing.

use super::*;

fn https(url: &str) -> Place {
    Place::Https(url.into())
}

fn mailto(address: &str) -> Place {
    Place::Mailto(address.into())
}

#[test]
fn the_places_of_a_record_come_in_their_order() {
    let example = "v=TLSRPTv1;rua=mailto:reports@example.com";
    assert_eq!(places([example]), Some(vec![mailto("reports@example.com")]), "section 3.1.1");
    let example = "v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt";
    assert_eq!(
        places([example]),
        Some(vec![https("https://reporting.example.com/v1/tlsrpt")]),
        "section 3.1.2"
    );
    let both = [mailto("a@example.com"), https("https://r.example.com/?x=1")];
    for record in [
        "v=TLSRPTv1; rua=mailto:a@example.com,https://r.example.com/?x=1",
        "v=TLSRPTv1; rua=mailto:a@example.com , https://r.example.com/?x=1;",
        "v=TLSRPTv1 ;rua=mailto:a@example.com;\trua=https://r.example.com/?x=1 ; ",
        "v=TLSRPTv1; x-more=y; rua=mailto:a@example.com,https://r.example.com/?x=1,mailto:a@example.com",
        "v=TLSRPTv1; rua=gopher:hole,MailTo:a@example.com,https://r.example.com/?x=1",
        "v=TLSRPTv1; rua=mailto:%61%40example.com?subject=x,https://r.example.com/?x=1",
    ] {
        assert_eq!(places([record]).as_deref(), Some(both.as_slice()), "{record}");
    }
}

#[test]
fn a_record_that_is_not_valid_is_none() {
    for record in [
        "",
        "v=TLSRPTv1",
        "v=TLSRPTv1;",
        "v=TLSRPTv1; x=y",
        "v=tlsrptv1; rua=mailto:a@example.com",
        " v=TLSRPTv1; rua=mailto:a@example.com",
        "v = TLSRPTv1; rua=mailto:a@example.com",
        "v=TLSRPTv10; rua=mailto:a@example.com",
        "v=TLSRPTv1; RUA=mailto:a@example.com",
        "v=TLSRPTv1; rua =mailto:a@example.com",
        "v=TLSRPTv1; rua= mailto:a@example.com,",
        "v=TLSRPTv1; rua=mailto:a@example.com!10m",
        "v=TLSRPTv1; rua=mailto:a@example.com;; x=y",
        "v=TLSRPTv1; rua=mailto:a@example.com; what",
        "v=TLSRPTv1; rua=mailto:a@example.com; x=a b",
        "v=TLSRPTv1; rua=a@example.com",
        "v=TLSRPTv1; rua=mailto:",
        "v=TLSRPTv1; rua=mailto:nobody",
        "v=TLSRPTv1; rua=mailto:a%0d%0a@example.com",
        "v=TLSRPTv1; rua=mailto:a%4@example.com",
        "v=TLSRPTv1; rua=mailto:a%2Cb@example.com%2Cc@example.com",
        "v=TLSRPTv1; rua=mailto:a@[192.0.2.1]",
        "v=TLSRPTv1; rua=https:r.example.com",
        "v=TLSRPTv1; rua=http://r.example.com/",
        "v=TLSRPTv1; rua=https://r.example.com/\"",
    ] {
        assert_eq!(places([record]), None, "{record}");
    }
    let (one, other) = ("v=TLSRPTv1; rua=mailto:a@example.com", "v=TLSRPTv1; rua=mailto:b@example.com");
    assert_eq!(places([one, other]), None, "which of them?");
    assert_eq!(places(["v=spf1 -all", one]), Some(vec![mailto("a@example.com")]));
}

#[test]
fn one_record_names_a_few_places_and_no_more() {
    let many: Vec<_> = (0..50).map(|number| format!("mailto:a{number}@example.com")).collect();
    let record = format!("v=TLSRPTv1; rua={}", many.join(","));
    assert_eq!(places([record.as_str()]).map(|places| places.len()), Some(PLACES));
}
