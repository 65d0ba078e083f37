//! Numbers for monitoring: what is counted is what happened, in a format that its readers take.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::Value;

use crate::curl::has_curl;
use crate::project::TestEnv;
use crate::support::wait_until;

/// A project with a run of two tasks, one of which needed two attempts, and one that was stopped.
fn two_runs() -> TestEnv {
    let env = TestEnv::new();
    env.agent(
        "cat >/dev/null; [ $CREW_TASK = two ] && [ ! -e $NOTES/been ] && { touch $NOTES/been; exit 3; }
[ $CREW_TASK = long ] && { touch $NOTES/begun; sleep 600; }; echo ok",
    );
    env.workflow("pair", "", "## one\nrole: reader\n\nx\n\n## two\nrole: reader\nretries: 1\n\nx");
    env.workflow("long", "", "## long\nrole: reader\n\nx");
    assert_eq!(env.start_workflow("pair"), 1);
    assert_eq!(env.rest(1), "done");
    assert_eq!(env.start_workflow("long"), 2);
    wait_until("the long one has begun", || env.notes().join("begun").exists());
    env
}

/// The samples of a page, by name and labels, after a check of its form.
fn samples(page: &str) -> BTreeMap<String, f64> {
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    let mut samples = BTreeMap::new();
    for line in page.lines() {
        if let Some(said) = line.strip_prefix("# TYPE ") {
            let (name, kind) = said.split_once(' ').expect("a name and its kind");
            assert!(kinds.insert(name, kind).is_none(), "{name} comes twice");
        } else if !line.starts_with("# HELP ") {
            let (key, value) = line.rsplit_once(' ').expect("a sample and its value");
            let name = key.split('{').next().expect("a name");
            let parts = ["_bucket", "_sum", "_count"];
            let of = parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
            assert!(kinds.contains_key(name) || kinds.get(of) == Some(&"histogram"), "{line}");
            assert!(samples.insert(key.to_owned(), value.parse().expect("a number")).is_none());
        }
    }
    samples
}

#[test]
fn what_is_counted_is_what_happened() {
    let env = two_runs();
    let page = env.ok(&["metrics", "--prometheus"]);
    let all = samples(&page);
    let told = |key: &str| all.get(key).copied();
    assert_eq!(told(r#"crew_runs{project="project",status="done"}"#), Some(1.0));
    assert_eq!(told(r#"crew_runs{project="project",status="running"}"#), Some(1.0));
    assert_eq!(told(r#"crew_tasks{project="project",status="done"}"#), Some(2.0));
    assert_eq!(told(r#"crew_attempts_live{heartbeat="healthy",project="project"}"#), Some(1.0));
    let ended = r#"crew_attempts_total{project="project",reason="exited",runtime="sh"}"#;
    assert_eq!(told(ended), Some(3.0));
    let crashed = r#"crew_retries_total{cause="crash",project="project"}"#;
    let retried = r#"crew_retries_total{cause="retry",project="project"}"#;
    assert_eq!(told(crashed).or(told(retried)), Some(1.0), "{page}");
    let took = r#"crew_attempt_duration_seconds_count{project="project",runtime="sh"}"#;
    let whole = r#"crew_attempt_duration_seconds_bucket{project="project",runtime="sh",le="+Inf"}"#;
    assert_eq!((told(took), told(whole)), (Some(3.0), Some(3.0)));
    let waited = r#"crew_task_queue_seconds_count{project="project",runtime="sh"}"#;
    assert_eq!(told(waited), Some(4.0), "the live one has waited too");
    let durable = told(r#"crew_log_append_seconds{project="project"}"#);
    assert!(durable.is_some_and(|seconds| seconds > 0.0));

    env.ok(&["stop", "2"]);
    env.rest(2);
    // Counted from the log alone, it is the same.
    for run in [1, 2] {
        let snapshot = env.run_dir(run).snapshot();
        if snapshot.exists() {
            std::fs::remove_file(snapshot).expect("removed");
        }
    }
    let after = samples(&env.ok(&["metrics", "--prometheus"]));
    assert_eq!(after.get(ended), Some(&3.0));
    assert_eq!(after.get(r#"crew_runs{project="project",status="cancelled"}"#), Some(&1.0));
    for (key, value) in all.iter().filter(|(key, _)| key.contains("_total{")) {
        assert!(after[key] >= *value, "{key} went back");
    }
}

#[test]
fn a_collector_gets_them_in_its_own_format() {
    if !has_curl() {
        return;
    }
    let env = two_runs();
    env.ok(&["stop", "2"]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut all = String::new();
        let mut buffer = [0; 4096];
        loop {
            let count = stream.read(&mut buffer).expect("a request");
            assert!(count > 0, "it ends early: {all}");
            all.push_str(&String::from_utf8_lossy(&buffer[..count]));
            let body = all.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            if serde_json::from_str::<Value>(body).is_ok() {
                break;
            }
        }
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        stream.write_all(answer.as_bytes()).expect("answered");
        all
    });
    env.ok(&["metrics", &format!("--otlp=http://{address}")]);
    let request = server.join().expect("it was asked");
    let (head, body) = request.split_once("\r\n\r\n").expect("a body");
    assert!(head.starts_with("POST /v1/metrics HTTP/1.1"), "{head}");
    let body: Value = serde_json::from_str(body).expect("JSON");
    let metrics = &body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
    let of = |name: &str| {
        let all = metrics.as_array().expect("a list").iter();
        all.into_iter().find(|metric| metric["name"] == name).cloned().expect("it is there")
    };
    let attempts = of("crew.attempts");
    assert_eq!(attempts["sum"]["isMonotonic"], true);
    let took = of("crew.attempt_duration");
    let point = &took["histogram"]["dataPoints"][0];
    let (counts, bounds) = (&point["bucketCounts"], &point["explicitBounds"]);
    let lengths = (counts.as_array().map(Vec::len), bounds.as_array().map(Vec::len));
    assert_eq!((took["unit"].as_str(), lengths), (Some("s"), (Some(13), Some(12))));
    // Nobody listens any more.
    let refused = env.output(&["metrics", &format!("--otlp=http://{address}")]);
    assert_eq!(refused.status.code(), Some(8));
}

#[test]
fn every_metric_is_documented() {
    let env = two_runs();
    env.ok(&["stop", "2"]);
    let document: Value = serde_json::from_str(&env.ok(&["metrics", "--json"])).expect("JSON");
    let path = format!("{}/docs/monitoring.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(path).expect("there");
    for metric in document["metrics"].as_array().expect("a list") {
        let row = format!(
            "| `{}` | {} |",
            metric["name"].as_str().expect("a name"),
            metric["kind"].as_str().expect("a kind")
        );
        assert!(page.contains(&row), "docs/monitoring.md lacks {row}");
    }
}
