//! What a customer can do with the data about itself.

use serde_json::json;
use waxseal_privacy::audit::Query;

use crate::world::World;

#[tokio::test]
async fn a_customer_sees_and_corrects_what_it_says_about_itself() {
    let world = World::new().await;
    let profile = world.get("/v1/privacy/profile").await.json();
    assert_eq!((&profile["name"], &profile["company"]), (&json!("Ann"), &json!(null)));

    let answer = world.put("/v1/privacy/profile", &[("email", "new@example.org"), ("company", "Acme")]).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let corrected = world.get("/v1/privacy/profile").await.json();
    assert_eq!(corrected["name"], "Ann", "what is not given stays");
    assert_eq!((&corrected["email"], &corrected["company"]), (&json!("new@example.org"), &json!("Acme")));
    assert_eq!(answer.json()["profile"], corrected);

    world.put("/v1/privacy/profile", &[("company", "")]).await;
    assert_eq!(world.get("/v1/privacy/profile").await.json()["company"], json!(null));
    let query = Query { account: Some(world.mine.account), ..Query::default() };
    let entries = world.services.audit.entries(query).await.expect("the trail");
    let corrections = entries.iter().filter(|entry| entry.what == "profile_corrected");
    assert_eq!(corrections.count(), 2, "each correction is on record");
}

#[tokio::test]
async fn a_correction_that_cannot_be_changes_nothing_and_says_why() {
    let world = World::new().await;
    let wrong = [
        (vec![("email", "nobody")], "the e-mail address must be a full address such as ops@example.org"),
        (vec![("name", " ")], "the name must have 1 to 200 characters and no control characters"),
        (vec![], "name at least one of name, email and company"),
    ];
    let before = world.get("/v1/privacy/profile").await.json();
    for (fields, message) in wrong {
        let answer = world.put("/v1/privacy/profile", &fields).await;
        assert_eq!((answer.status, answer.json()), (400, json!({ "message": message })));
    }
    assert_eq!(world.get("/v1/privacy/profile").await.json(), before);
    let lists = [("recipient", "nobody@rcpt.example"), ("list", "bounces")];
    assert_eq!(world.post("/v1/privacy/corrections", &lists).await.status, 404);
    let entries = world.services.audit.entries(Query::default()).await.expect("the trail");
    let told: Vec<_> = entries.iter().filter(|entry| entry.what.ends_with("_corrected")).collect();
    assert!(told.is_empty(), "what was refused was not made: {told:?}");
}
