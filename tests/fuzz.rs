//! What is done with hostile bytes, on the corpus that `.fuzz` keeps: whatever was ever found stays found.

use std::panic::catch_unwind;

use camino::Utf8Path;

#[path = "fuzz/harmless.rs"]
mod harmless;
#[path = "fuzz/targets.rs"]
mod targets;
#[path = "fuzz/words.rs"]
mod words;

#[test]
fn every_file_of_the_corpus_keeps_the_promise_of_its_target() {
    let corpus = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join(".fuzz/corpus");
    let mut faults = Vec::new();
    for (name, target) in targets::ALL {
        let mut count = 0;
        for entry in corpus.join(name).read_dir_utf8().expect("a corpus for each target") {
            let path = entry.expect("readable").into_path();
            let data = std::fs::read(&path).expect("readable");
            count += 1;
            if catch_unwind(|| target(&data)).is_err() {
                faults.push(path);
            }
        }
        assert!(count > 5, "{name} has a corpus of {count}");
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_target_has_a_program() {
    let programs = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join(".fuzz/fuzz_targets");
    for (name, _) in targets::ALL {
        assert!(programs.join(format!("{name}.rs")).exists(), "{name}");
    }
}

#[test]
fn a_secret_of_every_kind_is_replaced_wherever_it_stands() {
    let mut faults = Vec::new();
    for secret in words::secrets() {
        let (text, hidden) = (&secret.text, &secret.hidden);
        for whole in [
            text.clone(),
            format!("it says: {text}, and works."),
            format!("{{\"text\":{}}}", serde_json::json!(text)),
            format!("first\\n{text}\\nthird"),
            format!("`{text}`"),
            format!("({text})"),
        ] {
            let clean = crew::base::redact::redact(&whole);
            if clean.contains(hidden.as_str()) {
                faults.push(format!("{}: {clean}", secret.kind));
            }
            let value = serde_json::json!({"a": [whole]});
            let clean = crew::base::redact::redact_json(&value).to_string();
            if clean.contains(hidden.as_str()) {
                faults.push(format!("{} in JSON: {clean}", secret.kind));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn what_only_looks_like_a_secret_stays() {
    let mut faults = Vec::new();
    for text in harmless::harmless() {
        let clean = crew::base::redact::redact(&text);
        if clean != text {
            faults.push(format!("{text} -> {clean}"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
