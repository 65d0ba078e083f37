//! Where attempts run is the user's business, and a place that is none is told with the line.

use super::*;
use crate::base::Site;

#[test]
fn a_project_cannot_send_attempts_to_another_machine() {
    let project = "[run]\nexecutor = \"ssh:evil\"\nssh = [\"sh\", \"-c\", \"x\"]\nprogram = \"/x\"\nsbatch = [\"-x\"]\n";
    let place = Place::new("", project);
    let loaded = place.load(&[("CREW_RUN_DIR", "/somewhere")], &nothing());
    assert_eq!(loaded.config.run, Config::preset().run);
    let said = place.said(&loaded.warnings);
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(said.iter().all(|line| line.contains("is not for a project to set")), "{said:?}");
}

#[test]
fn the_user_says_where_attempts_run() {
    let place = Place::new("[run]\nexecutor = \"ssh:node7\"\nprogram = \"/opt/crew\"\n", "");
    let run = place.load(&[], &nothing()).config.run;
    assert_eq!(run.executor, Site::Ssh("node7".to_owned()));
    assert_eq!(run.program.as_deref(), Some(Utf8Path::new("/opt/crew")));
    assert_eq!(run.ssh[0], "ssh");
    let run = place.load(&[("CREW_RUN_EXECUTOR", "slurm")], &nothing()).config.run;
    assert_eq!(run.executor, Site::Slurm);
    let place = Place::new("[run]\nexecutor = \"ssh:-oProxyCommand=x\"\nprogram = \"crew\"\n", "");
    assert_eq!(
        place.said(&place.load(&[], &nothing()).errors),
        [
            "T/home/.config/crew/config.toml:2:1: `run.executor`: `ssh:-oProxyCommand=x` is not `local`, `ssh:<host>` or `slurm` | such as `executor = \"ssh:node7\"`",
            "T/home/.config/crew/config.toml:3:1: `run.program` must be an absolute path: it is started in no folder of yours | such as `program = \"/opt/crew/crew\"`"
        ]
    );
}
