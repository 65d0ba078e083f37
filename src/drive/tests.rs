//! Every protocol as a pure machine: a line or an order goes in, what is wanted comes out.

use serde_json::{Value, json};

use super::acp::Acp;
use super::claude::Claude;
use super::codex::Codex;
use super::machine::{Do, Machine, Phase, Setting};
use super::pi::Pi;
use crate::agent::live::{Note, Order, OrderKind};
use crate::base::flow::Permission;

fn setting(consent: Permission, session: Option<&str>) -> Setting {
    Setting {
        consent,
        is_held: false,
        mark: "m".into(),
        cwd: "/wt".into(),
        session: session.map(str::to_owned),
        model: None,
        mcp: json!({"mcpServers": {"crew": {"command": "crew", "args": ["mcp"], "env": {"A": "1"}}}}),
    }
}

fn order(id: &str, kind: OrderKind) -> Order {
    Order { id: id.into(), kind, text: "hello".into() }
}

fn sent(wanted: &[Do]) -> Vec<&Value> {
    let lines =
        wanted.iter().filter_map(|one| if let Do::Send(line) = one { Some(line) } else { None });
    lines.collect()
}

fn said(wanted: &[Do]) -> Vec<&Note> {
    let notes =
        wanted.iter().filter_map(|one| if let Do::Say(note) = one { Some(note) } else { None });
    notes.collect()
}

fn delivered(id: &str) -> Note {
    Note::Delivered { id: id.into(), text: "hello".into() }
}

#[test]
fn claude_has_a_message_when_it_repeats_it_and_rests_until_then() {
    let mut machine = Claude::new(setting(Permission::Full, None));
    let prompt = machine.start("work");
    let uuid = sent(&prompt)[0]["uuid"].clone();
    machine.line(&json!({"type": "user", "isReplay": true, "uuid": uuid}));
    let wanted = machine.message(&order("a", OrderKind::Steer));
    let uuid = sent(&wanted)[0]["uuid"].clone();
    assert_eq!(machine.line(&json!({"type": "result"})), []);
    assert_eq!(machine.phase(), Phase::Resting(true));
    let given = machine.line(&json!({"type": "user", "isReplay": true, "uuid": uuid}));
    assert_eq!((said(&given), machine.phase()), (vec![&delivered("a")], Phase::Working));
    machine.line(&json!({"type": "result", "is_error": true}));
    assert_eq!(machine.phase(), Phase::Over(false));
}

#[test]
fn a_program_that_repeats_nothing_has_its_messages_when_its_turn_is_over() {
    let mut machine = Claude::new(setting(Permission::Full, None));
    machine.start("work");
    machine.message(&order("a", OrderKind::Steer));
    let given = machine.line(&json!({"type": "result"}));
    assert_eq!((said(&given), machine.phase()), (vec![&delivered("a")], Phase::Over(true)));
}

#[test]
fn levels_answer_claude_without_a_person() {
    let ask = |tool: &str| {
        json!({"type": "control_request", "request_id": "r", "request": {
            "subtype": "can_use_tool", "tool_name": tool, "input": {"command": "x"}}})
    };
    for (level, tool, behavior) in [
        (Permission::Plan, "Edit", "deny"),
        (Permission::Edit, "Edit", "allow"),
        (Permission::Edit, "Bash", "deny"),
        (Permission::Full, "Bash", "allow"),
        (Permission::Ask, "mcp__crew__done", "allow"),
    ] {
        let wanted = Claude::new(setting(level, None)).line(&ask(tool));
        let found = &sent(&wanted)[0]["response"]["response"]["behavior"];
        assert_eq!(found, behavior, "{level} {tool}");
    }
    let mut machine = Claude::new(setting(Permission::Ask, None));
    let asked = machine.line(&json!({"type": "control_request", "request_id": "q", "request": {
        "subtype": "can_use_tool", "tool_name": "AskUserQuestion", "input": {"questions": [
            {"question": "which?", "options": [{"label": "a"}, {"label": "b"}]}]}}}));
    assert!(matches!(said(&asked)[0], Note::Asked { text, choices, .. }
        if text == "which?" && choices.len() == 2));
    let wanted = machine.answer("q", "b");
    let answers = &sent(&wanted)[0]["response"]["response"]["updatedInput"]["answers"];
    assert_eq!(answers["which?"], "b");
    assert_eq!(machine.answer("q", "a"), [], "it has its answer");
}

#[test]
fn pi_has_a_message_when_it_stands_in_the_conversation() {
    let mut machine = Pi::new(setting(Permission::Full, None));
    assert_eq!(sent(&machine.start("work")).len(), 2);
    let state = json!({"type": "response", "id": "crew-state", "success": true,
        "data": {"sessionId": "s"}});
    assert_eq!(said(&machine.line(&state)), [&Note::Session { id: "s".into() }]);
    let wanted = machine.message(&order("a", OrderKind::Interrupt));
    assert_eq!(sent(&wanted)[0]["type"], "abort");
    machine.line(&json!({"type": "agent_settled"}));
    assert_eq!(machine.phase(), Phase::Working, "it has the message still to take");
    let start = json!({"type": "message_start", "message": {"role": "user",
        "content": [{"type": "text", "text": "hello"}]}});
    assert_eq!(said(&machine.line(&start)), [&delivered("a")]);
    machine.line(&json!({"type": "agent_settled"}));
    assert_eq!(machine.phase(), Phase::Over(true));
    let refused = Pi::new(setting(Permission::Full, None)).line(
        &json!({"type": "response", "id": "crew-prompt", "success": false, "error": "no key"}),
    );
    assert_eq!(said(&refused), [&Note::Failed { why: "no key".into() }]);
}

fn codex(session: Option<&str>) -> Codex {
    let mut machine = Codex::new(setting(Permission::Ask, session));
    machine.start("work");
    let opened = machine.line(&json!({"id": "crew-initialize", "result": {}}));
    let method = if session.is_some() { "thread/resume" } else { "thread/start" };
    assert_eq!(sent(&opened)[1]["method"], method);
    let begun = machine.line(&json!({"id": "crew-thread", "result": {"thread": {"id": "t"}}}));
    assert_eq!(sent(&begun)[0]["method"], "turn/start");
    machine.line(&json!({"method": "turn/started", "params": {"turn": {"id": "u"}}}));
    machine
}

#[test]
fn codex_joins_a_message_to_its_turn_and_begins_another_with_what_came_too_late() {
    let mut machine = codex(None);
    let steer = machine.message(&order("a", OrderKind::Steer));
    assert_eq!(sent(&steer)[0]["params"]["expectedTurnId"], "u");
    let item = json!({"method": "item/started", "params": {"item":
        {"type": "userMessage", "clientId": "a"}}});
    assert_eq!(said(&machine.line(&item)), [&delivered("a")]);
    machine.message(&order("b", OrderKind::Steer));
    let ended = json!({"method": "turn/completed", "params": {"turn": {"status": "completed"}}});
    let next = machine.line(&ended);
    assert_eq!(sent(&next)[0]["params"]["clientUserMessageId"], "b");
    assert_eq!(machine.phase(), Phase::Working);
}

#[test]
fn codex_asks_and_a_person_decides() {
    let mut machine = codex(Some("t"));
    let asked = machine.line(&json!({"id": 0, "method": "item/commandExecution/requestApproval",
        "params": {"command": "rm x"}}));
    assert!(matches!(said(&asked)[0], Note::Asked { text, .. } if text.contains("rm x")));
    let wanted = machine.answer("r0", "deny");
    assert_eq!(sent(&wanted)[0], &json!({"id": 0, "result": {"decision": "decline"}}));
    let interrupt = machine.interrupt();
    assert_eq!(sent(&interrupt)[0]["method"], "turn/interrupt");
    let mut gone = Codex::new(setting(Permission::Full, Some("t")));
    let failed = gone.line(&json!({"id": "crew-thread", "error": {"message": "no rollout"}}));
    assert!(
        matches!(said(&failed)[0], Note::Failed { why } if why.starts_with("session not found"))
    );
    assert_eq!(gone.phase(), Phase::Over(false));
}

fn acp(level: Permission, modes: &Value) -> (Acp, Vec<Do>) {
    let mut machine = Acp::new(setting(level, None));
    let first = machine.start("work");
    assert_eq!(sent(&first)[0]["params"]["protocolVersion"], 1);
    let opened = machine.line(&json!({"id": "crew-initialize", "result": {}}));
    let servers = &sent(&opened)[0]["params"]["mcpServers"];
    assert_eq!(servers[0]["env"][0], json!({"name": "A", "value": "1"}));
    let wanted = machine.line(&json!({"id": "crew-session", "result":
        {"sessionId": "s", "modes": {"availableModes": modes}}}));
    (machine, wanted)
}

#[test]
fn an_agent_is_put_into_its_mode_or_refused() {
    let (mut machine, wanted) = acp(Permission::Full, &json!([{"id": "default"}, {"id": "yolo"}]));
    assert_eq!(sent(&wanted)[0]["params"]["modeId"], "yolo");
    let begun = machine.line(&json!({"id": "crew-mode", "result": {}}));
    assert_eq!(sent(&begun)[0]["method"], "session/prompt");
    let (machine, wanted) = acp(Permission::Plan, &json!([{"id": "default"}]));
    assert!(matches!(said(&wanted)[0], Note::Failed { why }
        if why.contains("no mode for permission `plan`; it has default")));
    assert_eq!(machine.phase(), Phase::Over(false));
}

/// An agent that asks, at work.
fn asking() -> Acp {
    let (mut machine, _) = acp(Permission::Ask, &json!([{"id": "default"}]));
    let begun = machine.line(&json!({"id": "crew-mode", "result": {}}));
    assert_eq!(sent(&begun)[0]["method"], "session/prompt");
    machine
}

#[test]
fn an_agent_that_nothing_holds_to_asking_is_refused() {
    let (machine, wanted) = acp(Permission::Ask, &json!([]));
    assert!(matches!(said(&wanted)[0], Note::Failed { why }
        if why.contains("no mode for permission `ask`; it has none")));
    assert_eq!(machine.phase(), Phase::Over(false));
}

#[test]
fn an_agent_is_asked_for_the_model_in_its_own_way() {
    let open = |model: &str, result: Value| {
        let mut setting = setting(Permission::Full, None);
        setting.model = Some(model.to_owned());
        let mut machine = Acp::new(setting);
        machine.start("work");
        machine.line(&json!({"id": "crew-session", "result": result}))
    };
    let models = json!({"sessionId": "s", "models": {"availableModels": [
        {"modelId": "big[high]", "name": "big"}, {"modelId": "small", "name": "s"}]}});
    for (model, id) in [("small", "small"), ("big", "big[high]")] {
        let wanted = open(model, models.clone());
        assert_eq!(sent(&wanted)[0]["method"], "session/set_model");
        assert_eq!(sent(&wanted)[0]["params"]["modelId"], id);
    }
    let options = json!({"sessionId": "s", "models": models["models"], "configOptions": [
        {"id": "mode", "category": "mode", "options": [{"value": "small"}]},
        {"id": "m", "category": "model", "options": [{"value": "small", "name": "x"}]}]});
    let wanted = open("small", options);
    assert_eq!(sent(&wanted)[0]["method"], "session/set_config_option");
    assert_eq!(sent(&wanted)[0]["params"]["configId"], "m");
    for (result, why) in [
        (models, "model not found: `smal`, did you mean `small`; the program has big[high], small"),
        (json!({"sessionId": "s"}), "model not found: the program offers no choice of models"),
    ] {
        let wanted = open("smal", result);
        let Note::Failed { why: found } = said(&wanted)[0] else { panic!("{wanted:?}") };
        assert!(found.starts_with(why), "{found}");
    }
}

/// A request for permission of a call of which only this is known.
fn request(call: &Value) -> Value {
    json!({"id": 7, "method": "session/request_permission", "params": {
        "sessionId": "s", "toolCall": call, "options": [
            {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
            {"optionId": "no", "name": "No", "kind": "reject_once"}]}})
}

#[test]
fn a_request_is_known_by_what_was_told_of_its_call() {
    let mut machine = asking();
    let call = |update: Value| json!({"method": "session/update", "params": {"update": update}});
    machine.line(&call(json!({"sessionUpdate": "tool_call", "toolCallId": "c", "kind": "execute",
        "title": "mcp.crew.done", "rawInput": {"server": "crew", "tool": "done"},
        "_meta": {"is_mcp_tool_call": true}})));
    let wanted = machine.line(&request(&json!({"toolCallId": "c", "kind": "execute"})));
    assert_eq!(sent(&wanted)[0]["result"]["outcome"]["optionId"], "yes", "it is crew's own");
    for own in [
        json!({"toolCallId": "mcp_crew_done__1", "kind": "other", "title": "done"}),
        json!({"toolCallId": "d", "kind": "other", "name": "mcp__crew__done"}),
        json!({"toolCallId": "d", "kind": "other", "_meta": {"toolName": "mcp__crew__done"}}),
    ] {
        let wanted = machine.line(&request(&own));
        assert_eq!(sent(&wanted)[0]["result"]["outcome"]["optionId"], "yes", "{own}");
    }
    // Of a command the title is what the model wrote.
    let forged = json!({"toolCallId": "e", "kind": "execute", "title": "mcp__crew__x; rm -r /"});
    let wanted = machine.line(&request(&forged));
    assert!(matches!(said(&wanted)[0], Note::Asked { text, .. } if text.contains("rm -r /")));
}

#[test]
fn an_agent_that_ends_its_turn_at_a_no_is_told_to_go_on() {
    let end = json!({"id": "crew-prompt", "result": {"stopReason": "end_turn"}});
    let mut machine = asking();
    machine.line(&request(&json!({"toolCallId": "c", "kind": "execute", "title": "ls"})));
    let wanted = machine.answer("r7", "deny");
    assert_eq!(sent(&wanted)[0]["result"]["outcome"]["optionId"], "no");
    let next = machine.line(&end);
    let text = &sent(&next)[0]["params"]["prompt"][0]["text"];
    assert_eq!(*text, "a person said no; go on without it");
    machine.line(&end);
    assert_eq!(machine.phase(), Phase::Over(true), "once");
    let mut machine = asking();
    machine.line(&request(&json!({"toolCallId": "c", "kind": "execute", "title": "ls"})));
    machine.answer("r7", "deny");
    machine.line(&json!({"method": "session/update", "params": {"update": {
        "sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "well"}}}}));
    machine.line(&end);
    assert_eq!(machine.phase(), Phase::Over(true), "it went on by itself");
    let mut machine = asking();
    for _ in 0..3 {
        machine.line(&request(&json!({"toolCallId": "c", "kind": "execute", "title": "ls"})));
        machine.answer("r7", "deny");
        machine.line(&end);
        assert_eq!(machine.phase(), Phase::Working);
    }
    machine.line(&request(&json!({"toolCallId": "c", "kind": "execute", "title": "ls"})));
    machine.answer("r7", "deny");
    machine.line(&end);
    assert_eq!(machine.phase(), Phase::Over(true), "not for ever");
}

#[test]
fn an_agent_takes_a_message_as_its_next_prompt_and_at_once_when_it_is_urgent() {
    let mut machine = asking();
    let asked = machine.line(&request(&json!({"toolCallId": "c", "kind": "execute",
        "title": "ls", "rawInput": {"command": "ls"}})));
    assert!(matches!(said(&asked)[0], Note::Asked { id, .. } if id == "r7"));
    let wanted = machine.message(&order("a", OrderKind::Interrupt));
    assert_eq!(sent(&wanted)[0]["method"], "session/cancel");
    assert_eq!(sent(&wanted)[1]["result"]["outcome"]["outcome"], "cancelled");
    let next = machine.line(&json!({"id": "crew-prompt", "result": {"stopReason": "cancelled"}}));
    assert_eq!(
        (sent(&next)[0]["method"].as_str(), said(&next)),
        (Some("session/prompt"), vec![&delivered("a")])
    );
    machine.line(&json!({"id": "crew-prompt", "result": {"stopReason": "end_turn"}}));
    assert_eq!(machine.phase(), Phase::Over(true));
}
