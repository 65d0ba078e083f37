//! Runs as files: they look the same elsewhere, hold no secrets, and a bad file leaves nothing behind.

use std::io::{Read, Write};

use camino::Utf8PathBuf;

use crate::project::TestEnv;

/// What no bundle may hold.
const SECRET: &str = "sk-ant-a1a1a1a1a1a1a1a1a1a1a1a1";

/// A run of two tasks that is done, with an artifact, a message and a secret wherever an agent can put one.
fn done() -> TestEnv {
    let env = TestEnv::new();
    let script = format!(
        "cat >/dev/null; echo {SECRET} >&2; echo \"x$CREW_TASK\" >> $CREW_TASK.txt
printf '%s\\n' 'the key is {SECRET}, and it works'"
    );
    let path = env.program("agent.sh", &script);
    env.whole_config(&format!(
        "[completion]\nmode = \"none\"\n[limits]\ngrace = \"400ms\"\n[runtimes.sh]\ncommand = [\"{path}\"]\n"
    ));
    env.workflow(
        "two",
        "",
        "## plan\nrole: writer\noutput: plan.md\n\n{goal}\n\n## work\nrole: writer\ndependsOn: plan\nreads: plan.md\n\nGo on.",
    );
    let run = env.start("do it", &["-w", "two", "-a", "sh"]);
    assert_eq!(env.rest(run), "done");
    env
}

fn bundle(env: &TestEnv, name: &str) -> Utf8PathBuf {
    env.root.join(name)
}

fn exported(env: &TestEnv) -> Utf8PathBuf {
    let file = bundle(env, "run.tar.gz");
    env.ok(&["export", "1", file.as_str()]);
    file
}

fn unpacked(file: &Utf8PathBuf) -> Vec<u8> {
    let packed = std::fs::read(file).expect("written");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).expect("gzip");
    bytes
}

fn packed(file: &Utf8PathBuf, tar: &[u8]) {
    let out = std::fs::File::create(file).expect("made");
    let mut gzip = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
    gzip.write_all(tar).expect("written");
    gzip.finish().expect("written");
}

/// Nothing is left in the folder of runs of a project that refused a bundle.
fn is_clean(env: &TestEnv) -> bool {
    env.dir().runs().read_dir_utf8().map_or(0, Iterator::count) == 0
}

#[test]
fn a_run_looks_the_same_in_another_project() {
    let env = done();
    let file = exported(&env);
    let there = TestEnv::new();
    assert_eq!(there.ok(&["import", file.as_str()]).trim(), "1");
    let strip = |text: String| text.replace("[redacted]", SECRET);
    for verb in ["logs", "show"] {
        let [ours, theirs] = [&env, &there].map(|env| strip(env.ok(&[verb, "1"])));
        if verb == "logs" {
            assert_eq!(ours, theirs);
        }
    }
    let [ours, theirs] = [&env, &there].map(|env| {
        let text = env.ok(&["status", "1", "--json"]);
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON")
    });
    assert_eq!(ours["tasks"], theirs["tasks"]);
    for field in ["goal", "status", "outcome", "active_ms", "usage", "created_at", "updated_at"] {
        assert_eq!(ours["run"][field], theirs["run"][field], "{field}");
    }
    assert_eq!(theirs["run"]["imported"], "project#1");
    let lines = |env: &TestEnv| env.ok(&["events", "1"]).lines().count();
    assert_eq!(lines(&env), lines(&there));
    assert!(there.ok(&["verify", "1"]).contains("is whole"));
    assert!(there.ok(&["replay", "1", "--at", "5"]).contains("running"));
    assert!(
        there.ok(&["artifacts", "1", "plan.md"]).contains("the key is [redacted], and it works")
    );
    assert!(there.ok(&["why", "1"]).contains("imported from project#1"));
    assert!(there.ok(&["status", "1"]).contains("from project#1, to be looked at"));
    // It is only looked at, and nothing of it leads to folders of where it came from.
    for args in [
        &["stop", "1"][..],
        &["reopen", "1", "--text", "x"],
        &["retry", "1"],
        &["archive", "1"],
        &["send", "1", "x"],
        &["resume", "1"],
    ] {
        let said = there.fails(7, args);
        assert!(said.contains("imported"), "{args:?}: {said}");
    }
    assert!(there.ok(&["verify", "1"]).contains("is whole"));
    let state = there.state(1);
    assert!(state.worktree.is_none() && state.created.git.is_none());
    assert_eq!(state.created.root, there.project());
    assert!(!there.ok(&["status"]).contains("lost its supervisor"));
    there.assert_nothing_lives();
    // Another one beside it, and one of an imported run.
    assert_eq!(there.ok(&["import", file.as_str()]).trim(), "2");
    let again = bundle(&there, "again.tar.gz");
    there.ok(&["export", "1", again.as_str()]);
    assert_eq!(env.ok(&["import", again.as_str()]).trim(), "2");
}

#[test]
fn a_run_that_was_at_work_is_not_driven_where_it_is_imported() {
    let env = TestEnv::new();
    let path = env.program("agent.sh", "cat >/dev/null; touch $NOTES/on; exec sleep 600");
    env.whole_config(&format!(
        "[completion]\nmode = \"none\"\n[limits]\nruns = 1\ngrace = \"400ms\"\n[runtimes.sh]\ncommand = [\"{path}\"]\n"
    ));
    env.workflow("one", "", "## work\nrole: reader\n\n{goal}");
    env.start("do it", &["-w", "one", "-a", "sh"]);
    crate::support::wait_until("it works", || env.notes().join("on").exists());
    let file = exported(&env);
    env.ok(&["stop", "1"]);
    assert_eq!(env.rest(1), "cancelled(stopped)");
    assert_eq!(env.ok(&["import", file.as_str()]).trim(), "2");
    // Also when the list of open runs was lost.
    std::fs::remove_file(env.dir().project_json()).expect("removed");
    env.ok(&["status"]);
    assert_eq!(env.status_text(2), "running");
    assert!(env.supervisor(2).is_none());
    // It takes no place in the queue, and what comes after it would wait for ever.
    let next = env.start("do it", &["-w", "one", "-a", "sh"]);
    env.wait_status(next, "running");
    let after = env.start("do it", &["-w", "one", "-a", "sh", "--after", "2"]);
    env.wait_status(after, "blocked(dependency_failed)");
    env.ok(&["stop", "--all", "--yes"]);
    assert_eq!(env.status_text(2), "running");
    env.assert_nothing_lives();
}

#[test]
fn a_bundle_holds_no_secrets_and_is_the_same_each_time() {
    let env = done();
    let (first, second) = (exported(&env), bundle(&env, "second.tar.gz"));
    env.ok(&["export", "1", second.as_str()]);
    assert_eq!(std::fs::read(&first).expect("read"), std::fs::read(&second).expect("read"));
    let text = String::from_utf8_lossy(&unpacked(&first)).into_owned();
    assert!(!text.contains(SECRET) && text.contains("[redacted]"));
    for never in ["token.blake3", "shim.json", "mcp.json", "attempt.lock"] {
        assert!(!text.contains(&format!("/{never}")), "{never}");
    }
    assert!(env.fails(7, &["export", "1", first.as_str()]).contains("exists already"));
    let small = bundle(&env, "small.tar.gz");
    env.ok(&["export", "1", small.as_str(), "--no-output"]);
    assert!(!String::from_utf8_lossy(&unpacked(&small)).contains("and it works\\n"));
    let there = TestEnv::new();
    there.ok(&["import", small.as_str()]);
    there.ok(&["status", "1"]);
}

/// A tar of one manifest and these entries: name, kind, content.
fn made(rows: &serde_json::Value, entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let manifest = serde_json::json!({
        "format": "crew-run", "version": 1, "crew": "0", "original_head": "", "head": "", "files": rows,
        "run": {"ref": "x#1", "slug": "x", "goal": "x", "status": "done", "events": 1},
    });
    let mut tar = tar::Builder::new(Vec::new());
    let manifest = manifest.to_string();
    let all = [("crew-run.json", tar::EntryType::Regular, manifest.as_bytes())];
    for (name, kind, content) in all.iter().chain(entries) {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_entry_type(*kind);
        header.set_mode(0o777);
        header.set_cksum();
        tar.append(&header, *content).expect("appended");
    }
    tar.into_inner().expect("finished")
}

#[test]
fn a_bundle_that_would_do_harm_is_refused_and_leaves_nothing_behind() {
    use tar::EntryType::{Block, Directory, GNULongName, Link, Regular, Symlink};
    let env = TestEnv::new();
    let row = |path: &str, content: &[u8]| {
        let hash = blake3::hash(content).to_hex().to_string();
        serde_json::json!({"path": path, "bytes": content.len(), "hash": hash})
    };
    let events = row("events.jsonl", b"x");
    let log: (&str, tar::EntryType, &[u8]) = ("events.jsonl", Regular, b"x");
    let with = |more: serde_json::Value| serde_json::json!([events, more]);
    let only = serde_json::json!([events]);
    for (rows, entries, why) in [
        (with(row("../../evil", b"x")), vec![log], "`../../evil` is not a file of a run"),
        (with(row("/tmp/evil", b"x")), vec![log], "`/tmp/evil` is not a file of a run"),
        (with(row("tasks/a/1/token", b"x")), vec![log], "is not a file of a run"),
        (with(events.clone()), vec![log], "twice"),
        (only.clone(), vec![log, log], "twice"),
        (only.clone(), vec![log, ("../../evil", Regular, b"x")], "is not in its manifest"),
        (only.clone(), vec![("events.jsonl", Symlink, b"")], "is a link, a device or a folder"),
        (only.clone(), vec![("events.jsonl", Link, b"")], "is a link, a device or a folder"),
        (only.clone(), vec![("events.jsonl", Block, b"")], "is a link, a device or a folder"),
        (only.clone(), vec![("artifacts", Directory, b"")], "is a link, a device or a folder"),
        (only.clone(), vec![("events.jsonl", GNULongName, b"../../evil")], "is a link"),
        (only.clone(), vec![("events.jsonl", Regular, b"y")], "another hash"),
        (only.clone(), vec![("events.jsonl", Regular, b"xy")], "another size"),
        (only.clone(), vec![], "`events.jsonl` is missing"),
        (only.clone(), vec![log], "its log is not whole"),
        (serde_json::json!([]), vec![], "holds no `events.jsonl`"),
        (
            with(serde_json::json!({"path": "artifacts/big", "bytes": 1_u64 << 40, "hash": ""})),
            vec![log],
            "too large",
        ),
    ] {
        let file = bundle(&env, "bad.tar.gz");
        packed(&file, &made(&rows, &entries));
        let said = env.fails(5, &["import", file.as_str()]);
        assert!(said.contains(why), "{why}: {said}");
        assert!(is_clean(&env), "{why}");
    }
    assert!(!env.root.join("evil").exists() && !env.project().join(".crew/evil").exists());
}

#[test]
fn a_damaged_newer_or_foreign_file_is_told_in_one_line() {
    let env = done();
    let file = exported(&env);
    let there = TestEnv::new();
    let refused = |bytes: &[u8], why: &str| {
        let bad = bundle(&there, "bad");
        std::fs::write(&bad, bytes).expect("written");
        let said = there.fails(5, &["import", bad.as_str()]);
        assert!(said.contains(why), "{why}: {said}");
        assert!(is_clean(&there), "{why}");
    };
    let whole = std::fs::read(&file).expect("read");
    refused(&whole[..whole.len() / 2], "cannot be imported");
    refused(&whole[..whole.len() - 4], "cut short");
    let mut flipped = whole.clone();
    let at = flipped.len() * 2 / 3;
    flipped[at] ^= 0x55;
    refused(&flipped, "cannot be imported");
    refused(b"hello", "neither of crew nor of pi-crew");
    refused(b"{\"schemaVersion\": 2}", "newer than 1");
    refused(b"\xff\xfe", "no bundle");
    let text = unpacked(&file);
    let newer = String::from_utf8_lossy(&text).replacen("\"version\": 1", "\"version\": 2", 1);
    let bad = bundle(&there, "newer.tar.gz");
    packed(&bad, newer.as_bytes());
    assert!(there.fails(5, &["import", bad.as_str()]).contains("a newer version of crew wrote it"));
    // A log that somebody changed, with hashes that fit.
    there.fails(8, &["import", "/nowhere/run.tar.gz"]);
    assert!(is_clean(&there));
}

#[test]
fn a_bundle_of_pi_crew_becomes_a_run_that_is_looked_at() {
    let env = TestEnv::new();
    let export = serde_json::json!({
        "schemaVersion": 1, "exportedAt": "2026-05-01T10:00:00Z",
        "manifest": {"schemaVersion": 1, "runId": "team_2026_abc", "team": "default", "workflow": "default",
            "goal": "Add refunds", "status": "failed", "summary": format!("the key {SECRET} was refused"),
            "createdAt": "2026-05-01T09:00:00Z", "updatedAt": "2026-05-01T09:10:00Z", "artifacts": []},
        "tasks": [
            {"id": "01_explore", "stepId": "explore", "role": "explorer", "agent": "explorer", "title": "x",
                "status": "completed", "dependsOn": []},
            {"id": "02_execute", "role": "executor", "agent": "executor", "title": "y", "status": "failed",
                "error": "exit 1", "dependsOn": ["01_explore"]},
            {"id": "03_verify", "role": "verifier", "agent": "verifier", "title": "z", "status": "queued",
                "dependsOn": ["02_execute"]}],
        "events": [
            {"time": "2026-05-01T09:00:00Z", "type": "run.created", "runId": "team_2026_abc"},
            {"time": "2026-05-01T09:05:00Z", "type": "task.failed", "taskId": "02_execute", "message": "exit 1"}],
        "artifactPaths": ["/home/x/.crew/artifacts/a"],
    });
    let file = bundle(&env, "run-export.json");
    std::fs::write(&file, export.to_string()).expect("written");
    let said = env.output(&["import", file.as_str()]);
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("pi-crew team_2026_abc is run #1 here"), "{said}");
    assert!(
        said.contains("shown are its goal, its tasks with how they ended, and 2 events"),
        "{said}"
    );
    assert_eq!(env.status_text(1), "failed(agent_failed)");
    assert_eq!([env.task(1, "01-explore"), env.task(1, "02-execute")], ["done", "failed"]);
    let story = env.ok(&["timeline", "1"]);
    assert!(story.contains("task.failed - 02_execute - exit 1"), "{story}");
    let kept = env.ok(&["artifacts", "1", "run-export.json"]);
    assert!(kept.contains("03_verify") && !kept.contains(SECRET), "{kept}");
    assert!(env.ok(&["verify", "1"]).contains("is whole"));
    assert!(env.fails(7, &["retry", "1"]).contains("imported"));
}
