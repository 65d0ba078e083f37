//! The one table of keys: dispatcher, footer, help, palette and rebinding are made from it.

use std::collections::{BTreeMap, BTreeSet};

use super::key::Key;
use crate::base::text::did_you_mean;

/// Where a key means something; the innermost scope that knows a key wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everywhere but in text.
    Global,
    /// Where there is a run or a task under the cursor.
    Target,
    /// Lists and everything that scrolls.
    List,
    /// Something that waits for a decision has the focus.
    Decision,
    /// The graph of a workflow.
    Canvas,
    /// What an agent says and does.
    Transcript,
    /// The text that is searched for, while it is written.
    Find,
    /// Changed files.
    Diff,
    /// Messages.
    Mail,
    /// The inspector and its tabs.
    Inspector,
    /// The list of all runs.
    Runs,
    /// The bar that scrubs through a run's past.
    Replay,
    /// A question that is answered with yes or no.
    Confirm,
    /// A list one chooses from.
    Choose,
    /// A field one writes in: every other key is text.
    Edit,
}

impl Scope {
    /// Its heading in the help.
    pub fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::Target => "Run or task under the cursor",
            Self::List => "Lists",
            Self::Decision => "What waits for you",
            Self::Canvas => "Workflow",
            Self::Transcript => "Transcript",
            Self::Find => "Writing what to search for",
            Self::Diff => "Diff",
            Self::Mail => "Mail",
            Self::Inspector => "Inspector",
            Self::Runs => "Runs",
            Self::Replay => "Replay",
            Self::Confirm => "Questions",
            Self::Choose => "Choosing",
            Self::Edit => "Writing",
        }
    }
}

macro_rules! bindings {
    ($($action:ident $scope:ident [$($key:literal),*] $hint:literal $help:literal;)*) => {
        /// Something that a key does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the table says what each of them does")]
        pub enum Action { $($action,)* }

        /// Every action with its scope, its keys, its hint in the footer and its line in the help.
        pub const BINDINGS: &[Binding] = &[$(Binding {
            action: Action::$action,
            scope: Scope::$scope,
            keys: &[$($key),*],
            hint: $hint,
            help: $help,
        },)*];

        impl Action {
            fn ident(self) -> &'static str {
                match self { $(Self::$action => stringify!($action),)* }
            }
        }
    };
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// Where.
    pub scope: Scope,
    /// Its keys, unless the configuration says otherwise.
    pub keys: &'static [&'static str],
    /// One or two words for the footer; empty when it is not shown there.
    pub hint: &'static str,
    /// One line for the help.
    pub help: &'static str,
}

bindings! {
    Fleet Global ["1"] "" "agents of all live runs";
    Inbox Global ["2", "i"] "inbox" "everything that waits for you";
    Workflow Global ["3"] "" "the run's workflow";
    Task Global ["4"] "" "the task under the cursor, full size";
    Runs Global ["5"] "" "all runs";
    NextPanel Global ["tab"] "" "next panel";
    PreviousPanel Global ["shift+tab"] "" "previous panel";
    NextAttention Global ["w"] "next" "next thing that needs you";
    PreviousAttention Global ["W"] "" "previous thing that needs you";
    NewRun Global ["n"] "new run" "start a run";
    Palette Global ["ctrl+p"] "" "find any command";
    Goto Global [":"] "go to" "go to a run, a task or a screen, or run a command";
    Help Global ["?", "f1"] "keys" "keys that are valid here";
    Health Global ["H", "f2"] "" "how well everything is: heartbeats, processes, dead letters";
    Settings Global [","] "" "settings";
    CopyCommand Global ["ctrl+y"] "" "copy the command line of the last action";
    StopAll Global ["X"] "" "stop all live runs (asks)";
    Redraw Global ["ctrl+l"] "" "draw everything anew";
    Suspend Global ["ctrl+z"] "" "suspend crew; `fg` returns";
    Quit Global ["q", "ctrl+c"] "quit" "close the dashboard; runs go on";
    Back Global ["esc"] "" "out of what is open";

    Send Target ["s"] "send" "send a message to the task or run";
    Broadcast Target ["S"] "" "send a message to every tagged task, or to all of the run";
    TakeOver Target ["t"] "take over" "take the task over in this terminal; leaving it hands back";
    Stop Target ["x"] "" "stop the run (asks)";
    Pause Target ["p"] "" "pause the run, or let it go on";
    Retry Target ["R"] "" "try again: same agent, another agent, or with a note";
    ShowDiff Target ["D"] "diff" "what was changed";
    ShowMail Target ["m"] "" "messages";
    Why Target ["y"] "why" "why it is in this state";
    Editor Target ["e"] "" "open the worktree in $EDITOR";
    OpenLink Target ["o"] "" "open the link that is told of it";
    Replay Target ["r"] "replay" "go through the run's past";
    Tag Target ["space"] "tag" "tag the row, for actions on several";

    Up List ["k", "up"] "" "up";
    Down List ["j", "down"] "" "down";
    Left List ["h", "left"] "" "left";
    Right List ["l", "right"] "" "right";
    PageUp List ["pageup", "ctrl+u"] "" "a page up";
    PageDown List ["pagedown", "ctrl+d"] "" "a page down";
    Top List ["g", "home"] "" "to the first";
    Bottom List ["G", "end"] "" "to the last";
    Open List ["enter"] "open" "into what is under the cursor";
    Filter List ["/"] "filter" "show only what matches";

    Approve Decision ["a"] "approve" "approve, merge or allow what is asked";
    Deny Decision ["d"] "deny" "reject or discard, with a reason";
    RequestChanges Decision ["c"] "changes" "send the work back with what is to change";
    Suggest Decision ["u"] "suggest" "suggest other words for a draft";
    Answer Decision ["enter"] "answer" "answer in your own words";
    Choice1 Decision ["1"] "" "the first of the proposed answers";
    Choice2 Decision ["2"] "" "the second of the proposed answers";
    Choice3 Decision ["3"] "" "the third of the proposed answers";
    Choice4 Decision ["4"] "" "the fourth of the proposed answers";

    PanLeft Canvas ["H"] "" "move the picture left";
    PanRight Canvas ["L"] "" "move the picture right";
    PanUp Canvas ["K"] "" "move the picture up";
    PanDown Canvas ["J"] "" "move the picture down";
    Center Canvas ["z"] "" "back to what is selected";
    Turn Canvas ["v"] "" "draw from left to right, or from top to bottom";
    EditFile Canvas ["e"] "edit" "open the workflow file in $EDITOR";
    Files Canvas ["f"] "files" "look at a workflow file instead of a run";

    Follow Transcript ["f"] "follow" "follow what is new";
    Search Transcript ["/"] "search" "search";
    NextMatch Transcript ["n"] "" "next match";
    PreviousMatch Transcript ["N"] "" "previous match";
    Fold Transcript ["z"] "fold" "show or hide what the agent thinks";
    NextEntry Transcript ["J", "}"] "" "to the next entry; enter shows or hides all of it";
    PreviousEntry Transcript ["K", "{"] "" "to the entry before";
    Raw Transcript ["v"] "raw" "lines as the program printed them";
    EarlierAttempt Inspector ["<"] "" "the attempt before";
    LaterAttempt Inspector [">"] "" "the attempt after";

    RunSearch Find ["enter"] "search" "search what is written";
    LeaveSearch Find ["esc"] "close" "search nothing";

    NextFile Diff ["}"] "" "next file";
    PreviousFile Diff ["{"] "" "previous file";
    Range Diff ["V"] "" "choose several lines";
    Comment Diff ["c"] "comment" "write a comment under the line";
    SendComments Diff ["ctrl+s", "ctrl+enter"] "send" "send all comments in one batch";
    Tree Diff ["t"] "" "show or hide the list of files";

    Retract Mail ["x"] "retract" "take back a message that nobody has read";
    Reply Mail ["enter"] "reply" "answer the message";

    NextTab Inspector ["]"] "" "next tab";
    PreviousTab Inspector ["["] "" "previous tab";

    Sort Runs ["o"] "sort" "sort by another column";
    AllProjects Runs ["P"] "all projects" "the runs of all projects, or of this one alone";
    Archive Runs ["A"] "archive" "archive the run";
    Compare Runs ["c"] "compare" "compare the tagged runs";
    RetryRun Runs ["R"] "retry" "a new run with the same goal";

    Earlier Replay ["left", "h"] "back" "one event back";
    Later Replay ["right", "l"] "on" "one event on";
    MuchEarlier Replay ["shift+left", "H"] "" "a twentieth of the run back";
    MuchLater Replay ["shift+right", "L"] "" "a twentieth of the run on";
    Start Replay ["home"] "" "to the beginning";
    End Replay ["end"] "" "to now";
    Play Replay ["space"] "play" "play the run, or hold it";
    Leave Replay ["r", "esc"] "leave" "back to the present";

    Yes Confirm ["y"] "yes" "do it";
    No Confirm ["n", "esc", "q"] "no" "leave it";

    Choose Choose ["enter"] "choose" "take what is under the cursor";
    ChooseUp Choose ["up", "ctrl+p"] "" "up";
    ChooseDown Choose ["down", "ctrl+n"] "" "down";
    ChoosePageUp Choose ["pageup"] "" "a page up";
    ChoosePageDown Choose ["pagedown"] "" "a page down";
    Toggle Choose ["space"] "" "switch what is under the cursor";
    Complete Choose ["tab"] "" "fill in what is under the cursor";

    Submit Edit ["ctrl+s", "ctrl+enter"] "send" "send what is written";
    Preview Edit ["ctrl+r"] "preview" "show how it will arrive, or what would be started";
    Recommend Edit ["ctrl+g"] "take proposal" "take the team and workflow that are proposed";
    NextField Edit ["tab"] "next field" "next field";
    PreviousField Edit ["shift+tab"] "" "previous field";
    Cancel Edit ["esc", "ctrl+c"] "close" "close; what is written stays a draft";
}

impl Action {
    /// Its name in the configuration: `next_attention`.
    pub fn name(self) -> String {
        let mut name = String::new();
        for c in self.ident().chars() {
            if c.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(c.to_ascii_lowercase());
        }
        name
    }

    /// The row of the table.
    pub fn binding(self) -> &'static Binding {
        BINDINGS.iter().find(|row| row.action == self).unwrap_or(&BINDINGS[0])
    }
}

/// The keys that hold here: those of the table, changed by the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    by_scope: BTreeMap<Scope, BTreeMap<Key, Action>>,
    keys: BTreeMap<Action, Vec<Key>>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self::with(&BTreeMap::new()).0
    }
}

impl Keymap {
    /// The table with other keys for some actions; second: what of that is wrong, and was ignored.
    pub fn with(changes: &BTreeMap<String, Vec<String>>) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        let names: BTreeSet<String> = BINDINGS.iter().map(|row| row.action.name()).collect();
        for name in changes.keys().filter(|name| !names.contains(*name)) {
            let near = did_you_mean(name, names.iter().map(String::as_str));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            problems.push(format!("`ui.keys.{name}` is no action{hint}"));
        }
        let mut keymap = Self { by_scope: BTreeMap::new(), keys: BTreeMap::new() };
        // Chosen keys win over those of the table that they collide with.
        for is_chosen in [true, false] {
            for row in BINDINGS {
                let chosen = changes.get(&row.action.name());
                if chosen.is_some() != is_chosen {
                    continue;
                }
                let texts: Vec<&str> = match chosen {
                    Some(chosen) => chosen.iter().map(String::as_str).collect(),
                    None => row.keys.to_vec(),
                };
                for text in texts {
                    match text.parse::<Key>() {
                        Ok(key) => keymap.bind(row, key, is_chosen, &mut problems),
                        Err(error) => {
                            problems.push(format!("`ui.keys.{}`: {error}", row.action.name()));
                        }
                    }
                }
            }
        }
        (keymap, problems)
    }

    fn bind(&mut self, row: &Binding, key: Key, is_chosen: bool, problems: &mut Vec<String>) {
        let scope = self.by_scope.entry(row.scope).or_default();
        match scope.get(&key) {
            None => {
                scope.insert(key, row.action);
                self.keys.entry(row.action).or_default().push(key);
            }
            Some(other) if is_chosen => problems.push(format!(
                "`ui.keys.{}`: `{key}` is taken by `{}`",
                row.action.name(),
                other.name()
            )),
            Some(_) => {}
        }
    }

    /// What a key means where these scopes hold, the innermost first.
    pub fn action(&self, key: Key, scopes: &[Scope]) -> Option<Action> {
        scopes.iter().find_map(|scope| self.by_scope.get(scope)?.get(&key).copied())
    }

    /// The keys of an action.
    pub fn keys(&self, action: Action) -> &[Key] {
        self.keys.get(&action).map_or(&[], Vec::as_slice)
    }

    /// The first key of an action, as hints show it; nothing when it has none.
    pub fn key(&self, action: Action) -> Option<String> {
        self.keys(action).first().map(ToString::to_string)
    }

    /// What can be done where these scopes hold: each action that a key reaches, the innermost first.
    pub fn reachable<'a>(
        &'a self,
        scopes: &'a [Scope],
    ) -> impl Iterator<Item = &'static Binding> + 'a {
        scopes.iter().enumerate().flat_map(move |(depth, scope)| {
            BINDINGS.iter().filter(move |row| {
                row.scope == *scope
                    && self.keys(row.action).iter().any(|key| {
                        !scopes[..depth].iter().any(|inner| {
                            self.by_scope.get(inner).is_some_and(|keys| keys.contains_key(key))
                        })
                    })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_scope_has_a_key_twice_and_every_key_can_be_read() {
        let mut seen = BTreeSet::new();
        for row in BINDINGS {
            assert!(!row.keys.is_empty() && !row.help.is_empty(), "{:?}", row.action);
            for key in row.keys {
                let read: Key = key.parse().unwrap();
                assert!(seen.insert((row.scope, read)), "{key} twice in {:?}", row.scope);
            }
        }
        let (_, problems) = Keymap::with(&BTreeMap::new());
        assert!(problems.is_empty(), "{problems:?}");
    }

    #[test]
    fn every_action_has_one_row_and_a_name_of_its_own() {
        let names: BTreeSet<String> = BINDINGS.iter().map(|row| row.action.name()).collect();
        assert_eq!(names.len(), BINDINGS.len());
        assert!(names.contains("next_attention"));
    }

    #[test]
    fn the_innermost_scope_wins() {
        let keymap = Keymap::default();
        let key = "c".parse().unwrap();
        assert_eq!(keymap.action(key, &[Scope::Diff, Scope::Global]), Some(Action::Comment));
        assert_eq!(keymap.action(key, &[Scope::Global]), None);
        let quit = "q".parse().unwrap();
        assert_eq!(keymap.action(quit, &[Scope::List, Scope::Global]), Some(Action::Quit));
    }

    #[test]
    fn keys_can_be_changed_and_wrong_ones_are_told() {
        let changes = [
            ("approve".to_owned(), vec!["Y".to_owned()]),
            ("aprove".to_owned(), vec!["b".to_owned()]),
            ("deny".to_owned(), vec!["hyper+d".to_owned()]),
        ];
        let (keymap, problems) = Keymap::with(&changes.into());
        let scopes = [Scope::Decision];
        assert_eq!(keymap.action("Y".parse().unwrap(), &scopes), Some(Action::Approve));
        assert_eq!(keymap.action("a".parse().unwrap(), &scopes), None);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("did you mean `approve`?"), "{problems:?}");
    }

    #[test]
    fn what_an_inner_scope_hides_is_not_offered() {
        let keymap = Keymap::default();
        let scopes = [Scope::Replay, Scope::Global];
        let offered: Vec<Action> = keymap.reachable(&scopes).map(|row| row.action).collect();
        assert!(offered.contains(&Action::Leave) && !offered.contains(&Action::Back));
    }
}
