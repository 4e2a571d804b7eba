//! What older versions stored opens, and what is stored small reads back whole.
//!
//! `fixtures/store/*.gz` are the databases of a data directory as the version that the name says wrote them; a fixture never
//! changes and never goes away.

use std::{io::Read as _, path::Path};

use serde_json::json;
use tga::model::Event;

use crate::{
    support::{TestApp, line},
    support_faults::Appliance,
};

/// The tenant whose directory the fixture is.
const TENANT: &str = "95ea411b-1bb7-493b-ae28-97d7a9468179";

fn unpack(packed: &[u8], into: &Path) {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).unwrap();
    std::fs::create_dir_all(into.parent().unwrap()).unwrap();
    std::fs::write(into, bytes).unwrap();
}

#[test]
fn a_tenant_of_version_5_opens_with_its_tags_and_events() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    unpack(include_bytes!("../fixtures/store/tenant_v5.control.db.gz"), &data.join("control.db"));
    let tenant = data.join("tenants").join(TENANT).join("tenant.db");
    unpack(include_bytes!("../fixtures/store/tenant_v5.tenant.db.gz"), &tenant);
    let old = Appliance::at(&data);
    let found = old.ok(&["search", "планировщик", "--tenant", "main", "--json"]);
    assert_eq!(found["hits"].as_array().unwrap().len(), 1, "{found}");
    let mut tags: Vec<&str> =
        found["hits"][0]["tags"].as_array().unwrap().iter().filter_map(|t| t.as_str()).collect();
    tags.sort_unstable();
    assert_eq!(tags, ["Google", "Kubernetes", "версию", "новую"], "{found}");
    let log = old.ok(&["events", "tail", "posts.tagged", "--tenant", "main", "--after", "0", "--json"]);
    assert_eq!(log["events"].as_array().unwrap().len(), 2, "{log}");
}

/// Three events of one transaction are one row of the log; whoever reads it sees three, wherever they begin.
#[test]
fn events_stored_together_are_read_one_by_one() {
    let mut app = TestApp::new();
    app.index_jsonl(&[line("news", 1, "Центробанк поднял ставку."), line("news", 2, "Мост открыли утром.")]);
    let tenant = app.tenant();
    let names = |after, event, limit| -> Vec<(i64, &'static str)> {
        let events = tenant.event_list(after, event, limit).unwrap();
        events.iter().map(|event| (event.seq, event.event)).collect()
    };
    let all = names(0, None, 100);
    let expected = ["posts.parsed", "posts.tagged", "posts.enriched"];
    let expected: Vec<&str> = expected.into_iter().cycle().take(6).chain(["posts.indexed"; 2]).collect();
    assert_eq!(all.iter().map(|(_, name)| *name).collect::<Vec<_>>(), expected);
    assert_eq!(all.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    assert_eq!(tenant.event_last().unwrap(), 8);
    // Reading on from any place, with any limit, leaves nothing out and tells nothing twice.
    for after in 0..=8 {
        let rest = usize::try_from(after).unwrap();
        assert_eq!(names(after, None, 100), all[rest..], "after {after}");
        assert_eq!(names(after, None, 1), all[rest..].iter().take(1).copied().collect::<Vec<_>>());
    }
    for event in Event::ALL {
        let of_kind: Vec<_> = all.iter().filter(|(_, name)| *name == event.name()).copied().collect();
        assert_eq!(names(0, Some(event), 100), of_kind);
        assert_eq!(names(0, Some(event), 1), of_kind.iter().take(1).copied().collect::<Vec<_>>());
        assert_eq!(
            names(4, Some(event), 100),
            of_kind.iter().filter(|(seq, _)| *seq > 4).copied().collect::<Vec<_>>()
        );
    }
    let ids: std::collections::BTreeSet<String> = tenant
        .event_list(0, None, 100)
        .unwrap()
        .iter()
        .map(|event| json!(event.event_id).to_string())
        .collect();
    assert_eq!(ids.len(), 8, "each event has an id of its own");
}
