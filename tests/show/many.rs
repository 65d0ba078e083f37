//! Projects with long histories.

use crew::engine::{Command, Input};

use super::place::Place;

#[test]
fn two_thousand_runs_are_listed_and_found() {
    const RUNS: usize = 2_000;
    let mut place = Place::new();
    let first = place.run([(100, Input::Command(Command::Stop))]);
    let log = std::fs::read_to_string(first.dir().events()).unwrap();
    // Copies: what is tested is reading them. Each says its own number, so its chain is written anew.
    for number in 2..=RUNS {
        let dir = place.run_dir(u32::try_from(number).unwrap());
        std::fs::create_dir(dir.path()).unwrap();
        let mut chain = crew::event::Chain::default();
        let mut read = chain;
        let mut out = Vec::new();
        for line in log.lines() {
            let (mut record, next) = crew::event::Record::read(line.as_bytes(), read).unwrap();
            read = next;
            if let crew::event::Body::RunCreated(created) = &mut record.body {
                created.number = crew::base::RunNumber(u32::try_from(number).unwrap());
            }
            chain = record.write(chain, &mut out);
        }
        std::fs::write(dir.events(), out).unwrap();
    }
    for _ in 0..2 {
        let runs = place.crew(&["ls", "--json"]).json();
        let runs = runs["runs"].as_array().unwrap();
        assert_eq!(runs.len(), RUNS);
        assert_eq!((&runs[0]["number"], &runs[1_999]["number"]), (&2_000.into(), &1.into()));
    }
    assert!(place.run_dir(1_234).snapshot().exists());
    let out = place.crew(&["status", "shop#1234"]).ended(1);
    assert!(out.contains("shop#1234"), "{out}");
}
