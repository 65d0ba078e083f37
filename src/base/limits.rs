//! Every limit of the program, with its reason and what happens when it is hit.
//!
//! Limits that people may change live in `config/default.toml`; these are the ones behind them.

/// Version of the event log that this program writes. A newer log opens read-only.
pub const LOG_FORMAT: u32 = 1;
/// Bytes of one line of the log. The largest is the first, with the plan of 20,000 tasks; a longer
/// one is refused when written and reported as damage when read.
pub const LOG_LINE_BYTES_MAX: usize = 64 << 20;
/// Version of every `--json` document. Fields are added, never renamed.
pub const JSON_SCHEMA: u32 = 1;
/// Version of the folded state on disk. Another version is ignored and folded again.
pub const CHECKPOINT_FORMAT: u32 = 3;

/// Characters in a name of a step, role or resource: file names stay far below 255 bytes.
pub const NAME_CHARS_MAX: usize = 80;
/// Characters in a slug: a branch name must stay readable in one column.
pub const SLUG_CHARS_MAX: usize = 60;

/// Bytes of a resource file. Real ones are below 50 KB; larger ones are refused unread.
pub const RESOURCE_BYTES_MAX: u64 = 2 << 20;
/// Bytes of a goal. Longer texts belong into a file that the goal names; refused.
pub const GOAL_BYTES_MAX: usize = 256 << 10;
/// Tasks in one run, after slots are expanded. More is refused when the plan is built.
pub const TASKS_MAX: usize = 20_000;
/// Slots of one step; refused when the plan is built.
pub const SLOTS_MAX: u32 = 20_000;
/// Nesting of gate conditions; a deeper gate is refused.
pub const CONDITION_DEPTH_MAX: usize = 8;
/// Nodes in one gate condition; a larger gate is refused.
pub const CONDITION_NODES_MAX: usize = 64;

/// Tasks that one adaptive plan may add; a larger plan is sent back.
pub const ADAPTIVE_TASKS_MAX: usize = 12;

/// Runs that one step may propose at once; a larger proposal is sent back.
pub const CHILD_RUNS_MAX: usize = 6;
/// Runs that one run may have started over its whole life; a further proposal is sent back.
pub const CHILD_RUNS_TOTAL_MAX: usize = 24;
/// Characters of the summary of a child run that its parent keeps.
pub const CHILD_SUMMARY_CHARS_MAX: usize = 1_000;
/// Tries to create proposed runs until a person is asked what is in the way.
pub const CHILD_CREATE_TRIES: u32 = 3;

/// Bytes of one line of an agent's output that are read; the rest of the line is cut when shown.
pub const OUTPUT_LINE_BYTES_MAX: usize = 16 << 20;
/// Milliseconds for which a tool call explains that its agent says nothing.
pub const TOOL_CALL_MS: u64 = 60 * 60_000;
/// Bytes of a line of output that no rule knows; the middle is cut when it is shown.
pub const RAW_LINE_BYTES_MAX: usize = 16 << 10;
/// Bytes of a prompt that is given as an argument: the kernel takes 128 KiB for one; refused.
pub const ARGUMENT_BYTES_MAX: usize = 120 << 10;
/// Errors and questions of one attempt that are kept; more of the same say nothing new.
pub const TURN_NOTES_MAX: usize = 32;
/// Bytes of an agent's final text kept as the task's result in an artifact.
pub const RESULT_BYTES_MAX: usize = 1 << 20;
/// Lines of an agent's memory file that go into its prompt; the rest stays in the file.
pub const MEMORY_LINES_MAX: usize = 200;
/// Bytes of an agent's memory file that go into its prompt, however long its lines are.
pub const MEMORY_BYTES_MAX: usize = 32 << 10;
/// Bytes of one step's output quoted into another step's prompt; the middle is cut.
pub const QUOTE_BYTES_MAX: usize = 24 << 10;
/// Characters of a task's summary in the log and in tables.
pub const SUMMARY_CHARS_MAX: usize = 400;
/// Bytes of stderr shown when an attempt fails or stays silent.
pub const STDERR_TAIL_BYTES: u64 = 2 << 10;
/// Bytes of a message's text in the log; longer texts become artifacts.
pub const MESSAGE_BYTES_MAX: usize = 64 << 10;
/// Bytes of one text that goes into a bundle: it is redacted as a whole; a larger one is left out.
pub const BUNDLE_FILE_BYTES_MAX: u64 = 64 << 20;
/// Bytes of all files of a bundle, unpacked: a small file must not fill a disk; more is refused.
pub const BUNDLE_BYTES_MAX: u64 = 1 << 30;
/// Files in a bundle; more are refused.
pub const BUNDLE_FILES_MAX: usize = 20_000;
/// Bytes of a small file of a run that is read whole, such as how a program was started.
pub const STATE_FILE_BYTES_MAX: u64 = 16 << 20;
/// Bytes of one artifact; larger ones are refused.
pub const ARTIFACT_BYTES_MAX: u64 = 64 << 20;

/// Entries of a folder that are looked at for what a lost attempt changed; of more nothing is told.
pub const CHANGE_LOOK_ENTRIES_MAX: usize = 200_000;
/// Entries of a tree that are looked at for what no attempt may touch; a larger one cannot be checked.
pub const PATH_LOOK_ENTRIES_MAX: usize = 2_000_000;
/// Bytes of a denied file up to which its content is compared; of a larger one the times are.
pub const PATH_HASH_BYTES_MAX: u64 = 64 << 20;
/// Moves of a checkout whose commits are looked at; the oldest of more are left out.
pub const PATH_MOVES_MAX: usize = 5_000;
/// Changed files that are named; the others are counted.
pub const CHANGED_SHOWN_MAX: usize = 20;

/// Attempts of one task over its whole life: nothing may loop for ever.
pub const ATTEMPTS_MAX: u32 = 200;
/// Crashed attempts before a task is given up (T20: "retries (2) used").
pub const CRASH_RETRIES: u32 = 2;
/// Bytes of a log up to which every look at a run follows the whole chain (1.7 ms here); a longer
/// one is followed by whoever writes to it, by `verify` and by `doctor`.
pub const CHAIN_LOOK_BYTES_MAX: u64 = 1 << 20;
/// Events between two checkpoints of a live run: a cold start folds at most this many lines.
pub const CHECKPOINT_EVERY_EVENTS: u64 = 2_000;
/// Milliseconds a starting supervisor tries to get its lock before it concludes that another lives.
pub const SUPERVISOR_LOCK_WAIT_MS: u64 = 2_000;
/// Open files that a process should be allowed.
pub const DESCRIPTORS_WANTED: u64 = 4_096;
/// Milliseconds that an OpenTelemetry collector has to take metrics.
pub const OTLP_WAIT_MS: u64 = 10_000;
/// Durable writes by which `crew metrics` learns how long one takes.
pub const APPEND_PROBES: usize = 5;
/// Milliseconds between safety-net polls while a run is live (a lost file notification costs this).
pub const SAFETY_POLL_MS: u64 = 5_000;
/// Milliseconds between two looks for a free machine-wide slot while a task waits for one.
pub const SLOT_POLL_MS: u64 = 500;
/// Milliseconds between two looks at what live attempts use, where tokens or money are limited.
pub const USAGE_LOOK_MS: u64 = 2_000;
/// Bytes of an attempt's output that one such look reads at most; a longer output is caught up with.
pub const USAGE_LOOK_BYTES: u64 = 8 << 20;
/// Milliseconds until a supervisor tries again to write what could not be written (disk full).
pub const WRITE_RETRY_MS: u64 = 1_000;
/// Milliseconds between two looks of the scheduler when nothing wakes it: a clock that is set, or a machine
/// that has slept, is noticed so late.
pub const SCHEDULER_TICK_MS: u64 = 30_000;
/// Milliseconds between two clean-ups of worktrees by the scheduler.
pub const SCHEDULER_PRUNE_MS: u64 = 60 * 60 * 1_000;
/// Milliseconds that a supervisor waits for a git process which an earlier one has left behind.
pub const GIT_ORPHAN_WAIT_MS: u64 = 30_000;
/// Milliseconds that a merge waits for the lock of an index that another git holds.
pub const GIT_INDEX_WAIT_MS: u64 = 2_000;
/// Milliseconds between two looks for such a process.
pub const GIT_LOOK_MS: u64 = 20;
/// Bytes that are kept of what a terminal showed in which a person had a task.
pub const ATTACH_BYTES_MAX: u64 = 8 << 20;
/// Milliseconds between two looks whether the process of a question that holds its turn, or that of a person who
/// has a task, still lives.
pub const ASK_LOOK_MS: u64 = 2_000;
/// Milliseconds that such a process may take longer than it should, before its attempt's clocks go on.
pub const ASK_HOLD_GRACE_MS: u64 = 10_000;
/// Milliseconds between heartbeats of a shim.
pub const HEARTBEAT_MS: u64 = 5_000;
/// Milliseconds that descendants left behind by an agent have between SIGTERM and SIGKILL.
pub const LEFTOVER_GRACE_MS: u64 = 1_000;
/// Milliseconds after SIGKILL until a process that still lives (stuck in the kernel, or of another
/// user) is given up; the exit record counts it as left over.
pub const KILL_WAIT_MS: u64 = 10_000;
/// Milliseconds of an attempt from which on its exit record is forced to the disk; losing a shorter
/// one in a power cut costs no more than running it again.
pub const EXIT_SYNC_FROM_MS: u64 = 1_000;
/// Tries, one per heartbeat, to write the exit record while the disk is full; then the shim goes.
pub const EXIT_WRITE_TRIES: u32 = 120;
/// Bytes of a supervisor's own log file; a larger one is put aside as `supervisor.log.1`.
pub const SUPERVISOR_LOG_BYTES_MAX: u64 = 4 << 20;
/// Notices that may wait for one way of telling; more at once are dropped, and the log says so.
pub const NOTICES_WAITING: usize = 64;
/// Bytes kept of what a command that tells a notice prints.
pub const NOTICE_OUTPUT_BYTES: usize = 2 << 10;
/// Milliseconds that a supervisor whose run is at rest goes on to tell what is not told yet.
pub const NOTICE_LINGER_MS: u64 = 60_000;
/// Milliseconds that a program has to tell its version before a run; then it is used without knowing it.
pub const VERSION_WAIT_MS: u64 = 5_000;
/// The same where the version is what is asked for: some start slowly when nothing of them is in memory.
pub const VERSION_LOOK_MS: u64 = 20_000;
/// Milliseconds that a program has to tell whether somebody is logged in; then it is taken as unknown.
pub const LOGIN_WAIT_MS: u64 = 10_000;
/// Characters of what a program says about its failure that stand in a reason.
pub const FAILURE_SHOWN_CHARS: usize = 200;
/// Bytes of what such a program prints that are read.
pub const VERSION_BYTES_MAX: u64 = 4 << 10;
/// Characters of a version that are shown.
pub const VERSION_CHARS_MAX: usize = 60;
/// Lines of a supervisor's own log that may wait for the disk; more at once are dropped.
pub const SUPERVISOR_LOG_LINES_WAITING: usize = 1_024;
/// Milliseconds of the first retry's back-off; doubles up to [`BACKOFF_MS_MAX`].
pub const BACKOFF_MS: u64 = 1_000;
/// Milliseconds of the longest back-off between two attempts.
pub const BACKOFF_MS_MAX: u64 = 60_000;
/// Quick retries of a model after a usage limit or overload; then another model takes over, or the task waits.
pub const LIMIT_RETRIES: u32 = 3;
/// Milliseconds that a task waits when no model is left and nobody says when the limit ends; doubles up to
/// [`LIMIT_WAIT_MS_MAX`].
pub const LIMIT_WAIT_MS: u64 = 5 * 60 * 1_000;
/// Milliseconds of the longest such wait.
pub const LIMIT_WAIT_MS_MAX: u64 = 60 * 60 * 1_000;
/// New sessions that a task gets because its conversation no longer fits; then a person is asked.
pub const NEW_SESSIONS_MAX: u32 = 2;

/// Level of `defaults.autonomy` from which on green work is merged without a person's word: the highest.
pub const AUTONOMY_OF_MERGE: u8 = 5;
/// Times that a merge is made anew because its target went on meanwhile; then a person is asked.
pub const MERGE_TRIES: u32 = 3;

/// Other live runs that a run's work is tried with; of more nothing is told.
pub const RADAR_RUNS_MAX: usize = 64;
/// Bytes of what the conflict radar keeps of a run; a longer file is looked for anew.
pub const RADAR_BYTES_MAX: u64 = 4 << 20;

/// Bytes of one write into a gate's store.
pub const GATE_BYTES_MAX: usize = 64 << 10;
/// Milliseconds until a decision must be asked anew.
pub const DECISION_MS: u64 = 24 * 60 * 60 * 1_000;
/// Times in a row that a command which an agent runs may be red; then only a person can go on.
pub const VERIFY_REDS_MAX: u32 = 3;
/// Milliseconds beyond its own timeout that an agent waits for such a command.
pub const VERIFY_WAIT_MS: u64 = 60_000;
/// Bytes of a transcript that an agent is shown.
pub const TRANSCRIPT_SHOWN_BYTES: usize = 48 << 10;
/// Bytes kept of the output of a command that was not green.
pub const EVIDENCE_TAIL_BYTES: usize = 4 << 10;
/// Milliseconds of one setup command of a worktree; a longer one is ended, and the run is blocked.
pub const SETUP_MS: u64 = 30 * 60 * 1_000;
/// Characters of a failed setup command, and of the end of what it printed, that a blocked run shows.
pub const SETUP_SHOWN_CHARS: usize = 160;
/// Bytes of a file with an agent's token or its hash; a longer one is no token.
pub const TOKEN_FILE_BYTES_MAX: u64 = 1 << 10;
/// Bytes of a diff that the dashboard reads: more than anybody looks at line by line; the files after it are named.
pub const PATCH_BYTES_MAX: usize = 8 << 20;
/// Bytes of one line of a diff that are shown; the rest of minified code is left out.
pub const PATCH_LINE_BYTES_MAX: usize = 4 << 10;
/// Comments on a diff that wait to be sent: one message has room for no more; further ones are refused.
pub const COMMENTS_MAX: usize = 200;

/// Bytes of the file that says where an attempt runs; a longer one is not crew's.
pub const PLACE_BYTES_MAX: u64 = 64 << 10;
/// Milliseconds that a host may take from the start of ssh to its first answer; then it cannot be reached.
pub const HOST_ANSWER_MS: u64 = 30_000;
/// Milliseconds until a host whose connection broke is tried again; doubled with every failure.
pub const HOST_RETRY_MS: u64 = 250;
/// Milliseconds of the longest such wait.
pub const HOST_RETRY_MS_MAX: u64 = 15_000;
/// Milliseconds between two looks of a host at an attempt whose shim it cannot wait for.
pub const HOST_LOOK_MS: u64 = 200;
/// Bytes kept of what ssh or a command of Slurm says as its error.
pub const REMOTE_ERROR_BYTES: usize = 4 << 10;
/// Milliseconds between two looks at the end records of jobs.
pub const JOB_LOOK_MS: u64 = 500;
/// Looks after which Slurm is asked about its jobs: a busy controller is to be asked rarely.
pub const JOB_LOOKS_PER_QUERY: u32 = 4;
/// Milliseconds that a command of Slurm may take; then it counts as failed and is asked again.
pub const SLURM_COMMAND_MS: u64 = 60_000;
