//! Files of suppressions.

use serde_json::{Value, json};
use waxseal_suppression::import::{self, MOST};

use crate::world::{Answer, World};

const BASE: &str = "/v3/mg.example.org";
const FILE: &str = "name=\"unsubscribe2_csv\"; filename=\"x.csv\"\r\nContent-Type: text/csv";

async fn upload(world: &World, list: &str, file: impl AsRef<[u8]>) -> Answer {
    world.post_parts(&format!("{BASE}/{list}/import"), &[(FILE, file.as_ref())]).await
}

/// Imports a file to its end; what is told of it.
async fn imported(world: &World, list: &str, file: impl AsRef<[u8]>) -> Value {
    let taken = upload(world, list, file).await;
    assert_eq!(taken.status, 202, "{}", taken.line());
    let taken = taken.json();
    assert_eq!(taken["message"], "file uploaded successfully for processing. standby...");
    let url =
        taken["url"].as_str().and_then(|url| url.strip_prefix("https://api.example.org")).expect("a link");
    assert_eq!(world.get(url).await.json()["state"], "queued");
    import::finish(&world.store, world.clock.as_ref(), None).await.expect("imported");
    world.get(url).await.json()
}

async fn items(world: &World, list: &str) -> Value {
    world.get(&format!("{BASE}/{list}")).await.json()["items"].take()
}

fn figures(told: &Value) -> (String, u64, u64, u64) {
    let number = |name: &str| told[name].as_u64().expect("a number");
    (told["state"].as_str().expect("a state").to_owned(), number("rows"), number("added"), number("refused"))
}

#[tokio::test]
async fn a_file_goes_onto_its_list_as_single_calls_would() {
    let world = World::new().await;
    let file = "\u{feff}Code,ADDRESS,error,extra,created_at\r\n\
                552,bob@one.example,\"full, or\r\nso\",x,\"Mon, 2 Jan 2023 03:04:05 -0700\"\r\n\
                ,=1+1@one.example,,,1672531200\r\n";
    let told = imported(&world, "bounces", file).await;
    assert_eq!(figures(&told), ("done".into(), 2, 2, 0));
    assert_eq!((&told["bytes_done"], &told["bytes_total"]), (&json!(file.len()), &json!(file.len())));
    assert_eq!(
        (&told["problems"], &told["finished_at"]),
        (&json!([]), &json!("Fri, 15 Jan 2027 08:00:00 UTC"))
    );
    let wanted = json!([
        { "address": "=1+1@one.example", "code": "550", "error": "", "created_at": "Sun, 01 Jan 2023 00:00:00 UTC" },
        { "address": "bob@one.example", "code": "552", "error": "full, or\r\nso", "created_at": "Mon, 02 Jan 2023 10:04:05 UTC" },
    ]);
    assert_eq!(items(&world, "bounces").await, wanted);

    let file =
        "address,tags\nbob@one.example,news offers\nBOB@one.example,\"[\"\"more\"\"]\"\nann@one.example,";
    assert_eq!(figures(&imported(&world, "unsubscribes", file).await), ("done".into(), 3, 3, 0));
    let found = items(&world, "unsubscribes").await;
    let tags: Vec<_> = found.as_array().expect("items").iter().map(|item| item["tags"].clone()).collect();
    assert_eq!(tags, [json!(["*"]), json!(["news", "offers", "more"])]);

    imported(&world, "complaints", "address").await;
    imported(&world, "complaints", "address\n\n eve@one.example \n").await;
    assert_eq!(items(&world, "complaints").await[0]["address"], "eve@one.example");

    imported(&world, "whitelists", "domain,reason,address\npartner.example,friends,\n,,carl@one.example")
        .await;
    let found = items(&world, "allowlists").await;
    assert_eq!((&found[0]["type"], &found[0]["reason"]), (&json!("domain"), &json!("friends")));
    assert_eq!(found[1]["value"], "carl@one.example");
    let told = world.get(&format!("{BASE}/allowlists/import")).await.json();
    assert_eq!(told["items"].as_array().map(Vec::len), Some(1), "the two are one list");
}

#[tokio::test]
async fn rows_that_are_wrong_are_counted_and_told_by_line_and_the_rest_goes_on() {
    let world = World::new().await;
    let long = format!("long@one.example,,{}", "x".repeat(1_025));
    let rows: [&[u8]; 10] = [
        b"address,created_at,error",
        b"good@one.example,,",
        b",,nobody",
        b"zanzibar,,",
        b"zanzibar@one.example,yesterday,",
        b"zanzi\xffbar@one.example,,",
        b"nul\0@one.example,,",
        b"\"zanzibar@one.example,,",
        long.as_bytes(),
        b"last@one.example,,",
    ];
    let told = imported(&world, "bounces", rows.join(b"\n".as_slice())).await;
    assert_eq!(figures(&told), ("done".into(), 9, 2, 7));
    let problems = told["problems"].as_array().expect("problems");
    let lines: Vec<_> = problems.iter().map(|problem| problem["line"].as_u64().expect("a line")).collect();
    assert_eq!(lines, [3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(problems[0]["reason"], "address is missing");
    assert_eq!(problems[2]["reason"], "created_at is not an RFC 2822 date or seconds since the epoch");
    assert_eq!(problems[3]["reason"], "address is not UTF-8");
    assert_eq!(problems[5]["reason"], "a quote is not closed within 32 lines and 65536 bytes");
    assert_eq!(problems[6]["reason"], "error is longer than 1024 characters");
    let text = told.to_string().to_lowercase();
    assert!(
        !["zanzi", "one.example", "yesterday", "nobody"].iter().any(|word| text.contains(word)),
        "{text}"
    );

    let many = format!("address\n{}", "x\n".repeat(2_500));
    let told = imported(&world, "bounces", many).await;
    assert_eq!(figures(&told), ("done".into(), 2_500, 0, 2_500));
    assert_eq!(told["problems"].as_array().map(Vec::len), Some(20), "the first ones");
}

#[tokio::test]
async fn what_is_no_file_of_entries_is_refused_at_the_door() {
    let world = World::with(|config| config.limits.import = 100_000).await;
    for file in ["", "\r\n\n", "bob@one.example\nann@one.example", "code,error\n550,x", "\u{ff}\u{fe}a"] {
        let answer = upload(&world, "bounces", file).await;
        assert_eq!(answer.line(), r#"400 {"message":"while reading csv header"}"#, "{file:?}");
    }
    let none = "Missing mandatory parameter: file, a CSV file in a multipart/form-data form";
    for answer in [
        world.post(&format!("{BASE}/bounces/import"), &[]).await,
        world.post_parts(&format!("{BASE}/bounces/import"), &[]).await,
    ] {
        assert_eq!((answer.status, answer.json()), (400, json!({ "message": none })));
    }
    let part = "name=\"file\"";
    let unnamed = [(part, b"address\n".as_slice())];
    assert_eq!(world.post_parts(&format!("{BASE}/bounces/import"), &unnamed).await.status, 202);

    let file = |length: usize| format!("address\n{}", "x".repeat(length - 8));
    assert_eq!(upload(&world, "bounces", file(100_000)).await.status, 202);
    for length in [100_001, 300_000] {
        let answer = upload(&world, "bounces", file(length)).await;
        assert_eq!(answer.line(), r#"413 {"message":"request size exceeds 100000 bytes limit"}"#);
    }
    let answer = world.post_parts("/v3/nobody.example/bounces/import", &[(FILE, b"address\n")]).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn imports_are_told_of_newest_first_each_with_its_list() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for _ in 0..MOST {
        let taken = upload(&world, "bounces", "address\n").await.json();
        ids.push(taken["id"].as_str().expect("an id").to_owned());
        world.clock.advance(std::time::Duration::from_secs(1));
    }
    let answer = upload(&world, "complaints", "address\n").await;
    assert_eq!(
        answer.line(),
        r#"429 {"message":"10 imports are under way already: wait until one is done"}"#
    );
    import::finish(&world.store, world.clock.as_ref(), None).await.expect("imported");
    let told = world.get(&format!("{BASE}/bounces/import")).await.json();
    let told: Vec<_> =
        told["items"].as_array().expect("items").iter().map(|item| item["id"].clone()).collect();
    ids.reverse();
    assert_eq!(told, ids);
    assert_eq!(world.get(&format!("{BASE}/complaints/import")).await.json()["items"], json!([]));
    for (path, status) in [
        (format!("{BASE}/bounces/import/{}", ids[0]), 200),
        (format!("{BASE}/complaints/import/{}", ids[0]), 404),
        (format!("/v3/sandbox.example.org/bounces/import/{}", ids[0]), 404),
        (format!("{BASE}/bounces/import/x"), 404),
    ] {
        assert_eq!(world.get(&path).await.status, status, "{path}");
    }
}
