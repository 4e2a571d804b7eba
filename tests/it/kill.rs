//! Death of the process at every fail point and at random moments: afterwards every post is there once, in the indexes, with
//! its tags and events, and nothing is in the dead letters.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails; figures go to the log"
)]

use std::{path::Path, process::Command, time::Instant};

use serde_json::json;
use tga::{
    ai::embedder::{SyntheticShape, synthetic_model},
    fail::FailPoint,
};

use crate::support_faults::{Appliance, Posts, Random, texts, wait_for};

/// Posts of the fail point test: three turns, so several batches at every step.
const POSTS: u64 = 44;
/// Posts of the random kills: fewer by default, so that the suite stays quick.
const POSTS_RANDOM: u64 = 1500;
const POSTS_RANDOM_DEFAULT: u64 = 150;
/// Random kills unless `TGA_KILLS` says otherwise.
const KILLS_DEFAULT: u64 = 12;
/// Kills in a row before an import may finish.
const KILLS_IN_A_ROW: u64 = 3;

fn model_install(appliance: &Appliance) {
    let file = appliance.dir().with_file_name("synthetic.bin");
    std::fs::write(&file, synthetic_model(SyntheticShape::default())).unwrap();
    appliance.ok(&["model", "import", file.to_str().unwrap(), "--json"]);
}

/// Runs an import that is to die at a point; whether it did.
fn import_dying(appliance: &Appliance, file: &Path, point: FailPoint, nth: u32) -> bool {
    let output = appliance
        .command(&["import", file.to_str().unwrap(), "--tenant", "main", "--wait"])
        .env("TGA_FAIL_POINT", format!("{}:{nth}", point.name()))
        // Small steps, so that every point is reached several times.
        .env("TGA__PIPELINE__BATCH_POSTS", "8")
        .output()
        .unwrap();
    let (_, err) = texts(&output);
    assert!(
        output.status.success() || output.status.code().is_none(),
        "{}:{nth} ended otherwise: {err}",
        point.name()
    );
    output.status.code().is_none()
}

fn check_fail_point(point: FailPoint, nths: &[u32]) {
    for nth in nths {
        let context = format!("{}:{nth}", point.name());
        let appliance = Appliance::new();
        model_install(&appliance);
        let posts = Posts::new(POSTS);
        let file = appliance.dir().with_file_name("posts.jsonl");
        posts.write(&file);
        assert!(import_dying(&appliance, &file, point, *nth), "{context}: reached");
        // Once more to the same point, which the first death must not have made unreachable or fatal.
        import_dying(&appliance, &file, point, *nth);
        appliance.import(&file, "main");
        appliance.assert_whole("main", &posts, &context);

        let edited = posts.edited();
        edited.write(&file);
        import_dying(&appliance, &file, point, *nth);
        appliance.import(&file, "main");
        appliance.assert_whole("main", &edited, &format!("{context}, edits"));

        let again = appliance.import(&file, "main");
        assert_eq!(again["imported"], json!(0), "{context}: {again}");
        assert_eq!(again["updated"], json!(0), "{context}: {again}");
        assert_eq!(again["duplicates"], json!(edited.messages()), "{context}: {again}");
    }
}

#[test]
fn killed_after_the_store_commit() {
    check_fail_point(FailPoint::AfterStoreCommit, &[1, 3]);
}

#[test]
fn killed_after_a_claim() {
    check_fail_point(FailPoint::AfterClaim, &[1, 5]);
}

#[test]
fn killed_before_a_settle() {
    check_fail_point(FailPoint::BeforeSettle, &[1, 4]);
}

#[test]
fn killed_within_an_index_commit() {
    check_fail_point(FailPoint::MidIndexCommit, &[2]);
}

#[test]
fn killed_after_an_index_commit() {
    check_fail_point(FailPoint::AfterIndexCommit, &[2]);
}

#[test]
fn killed_before_vectors_are_stored() {
    check_fail_point(FailPoint::BeforeVectorCommit, &[1]);
}

/// How many kills, and among how many posts.
fn kills() -> (u64, u64) {
    let asked = std::env::var("TGA_KILLS").ok().and_then(|kills| kills.parse().ok());
    asked.map_or((KILLS_DEFAULT, POSTS_RANDOM_DEFAULT), |kills| (kills, POSTS_RANDOM))
}

/// Starts a command and kills it after a while; whether it was still alive.
fn killed_after(mut command: Command, after_us: u64) -> bool {
    let mut child = command.spawn().unwrap();
    let started = Instant::now();
    let mut ended = false;
    wait_for("the moment to kill", || {
        ended = child.try_wait().unwrap().is_some();
        ended || started.elapsed().as_micros() as u64 >= after_us
    });
    // Gone in between is as good.
    let _ = child.kill();
    child.wait().unwrap().code().is_none() && !ended
}

/// Kills imports into fresh tenants at random moments, `kills` times in all; each tenant is finished after some and checked.
fn check_random_kills(
    seed: u64,
    (kills, count): (u64, u64),
    mut round: impl FnMut(&Appliance, &Path, &str, &mut Random, u64) -> bool,
) {
    let appliance = Appliance::new();
    let posts = Posts::new(count);
    let file = appliance.dir().with_file_name("posts.jsonl");
    posts.write(&file);
    let started = Instant::now();
    appliance.import(&file, "main");
    let mut whole_us = started.elapsed().as_micros() as u64;
    let mut random = Random(seed);
    let (mut killed, mut tenants) = (0, 0);
    while killed < kills {
        tenants += 1;
        let tenant = format!("t{tenants}");
        appliance.ok(&["tenant", "create", &tenant, "--json"]);
        for _ in 0..KILLS_IN_A_ROW.min(kills - killed) {
            let alive = round(&appliance, &file, &tenant, &mut random, whole_us);
            killed += u64::from(alive);
            if !alive {
                // The machine has become quicker, or little was left to do: later moments would hit nothing.
                whole_us = whole_us * 3 / 4;
            }
        }
        appliance.import(&file, &tenant);
        let context = format!("seed {seed}, tenant {tenant} after {killed} kills");
        appliance.assert_whole(&tenant, &posts, &context);
        let again = appliance.import(&file, &tenant);
        assert_eq!(again["duplicates"], json!(posts.messages()), "{context}: {again}");
        appliance.ok(&["tenant", "delete", &tenant, "--yes", "--json"]);
    }
    eprintln!("{killed} kills over {tenants} imports of {count} posts, within {} ms each", whole_us / 1000);
}

#[test]
fn import_killed_at_random_moments() {
    let (kills, count) = kills();
    check_random_kills(11, (kills.div_ceil(2), count), |appliance, file, tenant, random, whole_us| {
        let command = appliance.command(&["import", file.to_str().unwrap(), "--tenant", tenant]);
        killed_after(command, random.below(whole_us))
    });
}

#[test]
fn service_killed_at_random_moments_of_an_import() {
    let (kills, count) = kills();
    check_random_kills(12, (kills / 2, count), |appliance, file, tenant, random, whole_us| {
        let mut service = appliance.serve();
        let mut import = appliance
            .command(&["import", file.to_str().unwrap(), "--tenant", tenant, "--wait"])
            .spawn()
            .unwrap();
        let after_us = random.below(whole_us);
        let started = Instant::now();
        let mut ended = false;
        wait_for("the moment to kill", || {
            ended = import.try_wait().unwrap().is_some();
            ended || started.elapsed().as_micros() as u64 >= after_us
        });
        service.kill();
        let output = import.wait_with_output().unwrap();
        assert!(output.status.code().is_some(), "the command outlives the service");
        !ended
    });
}
